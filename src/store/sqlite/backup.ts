import { closeSync, existsSync, fsyncSync, linkSync, openSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { StoreUnavailableError } from '../store.ts';
import { schemaVersion } from './database.ts';

/**
 * Copies a database, of a running service or not, as it is at one moment, into a new file that only its owner can read.
 * By VACUUM INTO, which reads in one transaction: SQLite's own backup starts again at every commit of the service, and
 * so never ends under load. The copy is checked and on disk before it gets its name.
 * @throws StoreUnavailableError when there is nothing to copy, or something in the way.
 */
export function backupSqlite(path: string, to: string): void {
  if (!existsSync(path)) throw new StoreUnavailableError(`there is no database ${path}`);
  if (existsSync(to)) throw new StoreUnavailableError(`${to} exists already`);
  const partial = `${to}.partial`;
  rmSync(partial, { force: true });
  closeSync(openSync(partial, 'wx', 0o600));
  try {
    copy(path, partial);
    check(partial);
    sync(partial);
    // Unlike a rename, it takes nobody's place.
    linkSync(partial, to);
    sync(dirname(to));
  } finally {
    rmSync(partial, { force: true });
  }
}

function copy(path: string, to: string): void {
  const db = new DatabaseSync(path, { readOnly: true });
  try {
    if (schemaVersion(db).version === 0) {
      throw new StoreUnavailableError(`${path} is no database of the service`);
    }
    db.exec('PRAGMA busy_timeout = 5000');
    db.prepare('VACUUM INTO ?').run(to);
  } finally {
    db.close();
  }
}

function check(path: string): void {
  const db = new DatabaseSync(path, { readOnly: true });
  try {
    const found = db.prepare('PRAGMA integrity_check').get()?.['integrity_check'];
    if (found !== 'ok') throw new StoreUnavailableError(`the copy is damaged: ${String(found)}`);
  } finally {
    db.close();
  }
}

function sync(path: string): void {
  const handle = openSync(path, 'r');
  fsyncSync(handle);
  closeSync(handle);
}
