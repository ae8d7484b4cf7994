import { closeSync, existsSync, openSync, readdirSync, readSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import type * as Sqlite from 'node:sqlite';
import { isExempt } from './exempt.ts';
import { recordFile } from './recording.ts';

/**
 * Records every SQLite database of this process when it is closed, with its WAL, which goes then: it has what the
 * database has no more.
 */
export function tapSqlite({ DatabaseSync: { prototype } }: typeof Sqlite): void {
  const close = Reflect.get(prototype, 'close');
  prototype.close = function (this: Sqlite.DatabaseSync) {
    const path = this.location();
    if (path !== null) for (const file of [path, `${path}-wal`]) recordDatabase(file);
    close.call(this);
  };
}

/** Records the databases that lie in a folder: those of processes that were killed were never closed. */
export function recordDatabasesIn(folder: string): void {
  if (!existsSync(folder)) return;
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) recordDatabase(join(entry.parentPath, entry.name));
  }
}

/** One file has one recording; another may have had its path. */
const recorded = new Map<string, number>();

function recordDatabase(path: string): void {
  if (isExempt(path) || !existsSync(path)) return;
  const { ino } = statSync(path);
  if (recorded.get(path) === ino || !isOfSqlite(path)) return;
  recorded.set(path, ino);
  recordFile('database', `SQLite file ${basename(path)}`, path);
}

/** How a database, its WAL or its rollback journal begins: https://www.sqlite.org/fileformat2.html */
const BEGINNINGS = [
  Buffer.from('SQLite format 3\0'),
  Buffer.from('377f0682', 'hex'),
  Buffer.from('377f0683', 'hex'),
  Buffer.from('d9d505f920a163d7', 'hex'),
];

function isOfSqlite(path: string): boolean {
  const file = openSync(path, 'r');
  try {
    const start = Buffer.alloc(16);
    readSync(file, start);
    return BEGINNINGS.some((beginning) => start.subarray(0, beginning.length).equals(beginning));
  } finally {
    closeSync(file);
  }
}
