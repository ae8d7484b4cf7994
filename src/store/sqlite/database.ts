import { chmodSync, existsSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import {
  pendingMigrations,
  readMigrations,
  versionAfter,
  type Migration,
  type SchemaVersion,
} from '../migrations.ts';
import { StoreUnavailableError } from '../store.ts';

export const MIGRATIONS = join(import.meta.dirname, 'migrations');

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
    migrate(db, readMigrations(MIGRATIONS));
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
    -- 4 MiB. The working set is the tail of the tables and of the partial indexes, whatever the history; what is read beside
    -- it is in the page cache of the system, and 32 MiB were no faster.
    PRAGMA cache_size = -4096;
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
export function lockFile(path: string, waitMs: number): DatabaseSync {
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

/** Applies the migrations that the database has not seen, each in its own transaction. */
export function migrate(db: DatabaseSync, known: readonly Migration[]): void {
  const seen = schemaVersion(db);
  for (const [index, { sql }] of pendingMigrations(known, seen).entries()) {
    const after = versionAfter(known.slice(0, seen.version + index + 1), seen);
    db.exec('BEGIN IMMEDIATE');
    try {
      db.exec(sql);
      db.exec(`
        PRAGMA user_version = ${after.version};
        CREATE TABLE IF NOT EXISTS schema_version (oldest INTEGER NOT NULL) STRICT;
        DELETE FROM schema_version;
        INSERT INTO schema_version (oldest) VALUES (${after.oldest})`);
      db.exec('COMMIT');
    } catch (error) {
      if (db.isTransaction) db.exec('ROLLBACK');
      throw error;
    }
  }
}

/** How many migrations it has seen is in the file's header; who may work on it is in a table, once there is one. */
export function schemaVersion(db: DatabaseSync): SchemaVersion {
  const { user_version: version } = db.prepare('PRAGMA user_version').get() as {
    user_version: number;
  };
  const hasTable = db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'schema_version'").get();
  if (hasTable === undefined) return { version, oldest: version };
  const row = db.prepare('SELECT oldest FROM schema_version').get();
  return { version, oldest: row?.['oldest'] as number };
}
