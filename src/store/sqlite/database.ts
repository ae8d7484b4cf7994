import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { StoreUnavailableError } from '../store.ts';

const MIGRATIONS = join(import.meta.dirname, 'migrations');

/** How long to wait for a predecessor that is still draining on the same file. */
const LOCK_WAIT_MS = 15_000;

export interface OpenDatabase {
  readonly db: DatabaseSync;
  close(): void;
}

/**
 * Opens the file for the one process that writes it, migrates it, and holds its lock until `close`.
 * @throws StoreUnavailableError when another process holds it, or when it is no database of ours.
 */
export function openDatabase(path: string, lockWaitMs = LOCK_WAIT_MS): OpenDatabase {
  mkdirSync(dirname(path), { recursive: true });
  const lock = lockFile(`${path}.lock`, lockWaitMs);
  try {
    const db = openConnection(path);
    migrate(db);
    return {
      db,
      close: () => {
        db.close();
        lock.close();
      },
    };
  } catch (error) {
    lock.close();
    throw error;
  }
}

/** A connection to the file; the process has two that write, in turn (group-commit.ts). */
export function openConnection(path: string): DatabaseSync {
  const db = new DatabaseSync(path);
  // SQLite gives new ones the mode of the database; those of a crash may be older than that.
  for (const suffix of ['', '-wal', '-shm']) restrict(path + suffix);
  db.exec(`
    PRAGMA busy_timeout = 5000;
    PRAGMA journal_mode = WAL;
    -- FULL: the fsync at each commit is what makes a 202 a promise. Group commit pays for it.
    PRAGMA synchronous = FULL;
    PRAGMA foreign_keys = ON;
    PRAGMA temp_store = MEMORY;
    -- 32 MiB. The working set is the tail of the tables and the partial indexes, whatever the history.
    PRAGMA cache_size = -32768;
  `);
  return db;
}

/** For the owner's eyes only. */
function restrict(path: string): void {
  if (existsSync(path)) chmodSync(path, 0o600);
}

/**
 * Two processes on one file would both believe that they hold every lease. SQLite's own file lock, held on a file
 * beside it, is released by the system when the process dies, however it dies.
 */
function lockFile(path: string, waitMs: number): DatabaseSync {
  const lock = new DatabaseSync(path);
  try {
    restrict(path);
    lock.exec(`PRAGMA busy_timeout = ${waitMs}; BEGIN EXCLUSIVE`);
    return lock;
  } catch (cause) {
    lock.close();
    throw new StoreUnavailableError(
      `the database is in use by another process (its lock ${path} is held)`,
      { cause },
    );
  }
}

/** Applies the numbered files that the database has not seen, each in its own transaction. */
function migrate(db: DatabaseSync): void {
  const files = readdirSync(MIGRATIONS)
    .filter((file) => file.endsWith('.sql'))
    .sort();
  const seen = (db.prepare('PRAGMA user_version').get() as { user_version: number }).user_version;
  if (seen > files.length) {
    throw new StoreUnavailableError(
      `the database is at migration ${seen}, this version of the service knows ${files.length}: start the newer version`,
    );
  }
  for (const [index, file] of files.entries()) {
    if (index < seen) continue;
    db.exec('BEGIN IMMEDIATE');
    try {
      db.exec(readFileSync(join(MIGRATIONS, file), 'utf8'));
      db.exec(`PRAGMA user_version = ${index + 1}`);
      db.exec('COMMIT');
    } catch (error) {
      if (db.isTransaction) db.exec('ROLLBACK');
      throw error;
    }
  }
}
