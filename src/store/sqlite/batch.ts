import type { DatabaseSync } from 'node:sqlite';

/** What is cached from inside transactions hears how they end. */
export interface TransactionListener {
  committed(): void;
  rolledBack(): void;
}

/** What became of one piece of work. */
export type Settled = { readonly value: unknown } | { readonly error: unknown };

/**
 * Runs several pieces of work in one transaction: one fsync for all of them. When that fails each gets a transaction of
 * its own, so that one bad piece does not fail its neighbours; hence a piece may run twice, and changes nothing but the
 * database.
 */
export function runBatch(
  db: DatabaseSync,
  works: readonly (() => unknown)[],
  listener: TransactionListener,
): Settled[] {
  try {
    return transaction(db, works, listener);
  } catch (error) {
    if (works.length === 1) return [{ error }];
    return works.flatMap((work) => runBatch(db, [work], listener));
  }
}

function transaction(
  db: DatabaseSync,
  works: readonly (() => unknown)[],
  listener: TransactionListener,
): Settled[] {
  try {
    db.exec('BEGIN IMMEDIATE');
    const settled = works.map((work) => ({ value: work() }));
    db.exec('COMMIT');
    listener.committed();
    return settled;
  } catch (error) {
    listener.rolledBack();
    // SQLite has rolled back by itself after some errors (disk full among them).
    if (db.isTransaction) db.exec('ROLLBACK');
    throw error;
  }
}
