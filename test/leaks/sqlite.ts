import { closeSync, existsSync, openSync, readdirSync, readSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import type * as Sqlite from 'node:sqlite';
import { isExempt } from './exempt.ts';
import { record } from './recording.ts';

const PIECE_BYTES = 1 << 20;

/** Records every SQLite database of this process when it is closed, with what its WAL has kept until then. */
export function tapSqlite({ DatabaseSync: { prototype } }: typeof Sqlite): void {
  const close = Reflect.get(prototype, 'close');
  prototype.close = function (this: Sqlite.DatabaseSync) {
    const path = this.location();
    if (path !== null) recordFile(`${path}-wal`);
    close.call(this);
    if (path !== null) recordFile(path);
  };
}

/** Records the databases that lie in a folder: those of processes that were killed were never closed. */
export function recordDatabasesIn(folder: string): void {
  if (!existsSync(folder)) return;
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) recordFile(join(entry.parentPath, entry.name));
  }
}

/** When what was recorded of a file had been written: it may be closed here, and lie in a folder that is removed. */
const recorded = new Map<string, number>();

function recordFile(path: string): void {
  if (isExempt(path) || !existsSync(path)) return;
  const { mtimeMs } = statSync(path);
  if (recorded.get(path) === mtimeMs) return;
  recorded.set(path, mtimeMs);
  const file = openSync(path, 'r');
  try {
    const piece = Buffer.alloc(PIECE_BYTES);
    for (let first = true; ; first = false) {
      const bytes = piece.subarray(0, readSync(file, piece));
      if (bytes.length === 0 || (first && !isOfSqlite(bytes))) return;
      record('database', `SQLite file ${basename(path)}`, bytes);
    }
  } finally {
    closeSync(file);
  }
}

/** How a database, its WAL or its rollback journal begins: https://www.sqlite.org/fileformat2.html */
const BEGINNINGS = [
  Buffer.from('SQLite format 3\0'),
  Buffer.from('377f0682', 'hex'),
  Buffer.from('377f0683', 'hex'),
  Buffer.from('d9d505f920a163d7', 'hex'),
];

function isOfSqlite(bytes: Buffer): boolean {
  return BEGINNINGS.some((beginning) => bytes.subarray(0, beginning.length).equals(beginning));
}
