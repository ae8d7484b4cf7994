import { existsSync, mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { NOTHING_THERE, SECRETS_TRIED, type Inspection } from '../inspection.ts';
import { pendingMigrations, readMigrations } from '../migrations.ts';
import type { SecretBox } from '../secret-box.ts';
import { lockFile, MIGRATIONS, schemaVersion } from './database.ts';

const BUSY = 5;

/**
 * Looks at a file, and writes to it where no service does: its folder when there is no file yet, else the write probe.
 * @throws Error that says why it cannot be used.
 */
export function inspectSqlite(path: string, box: SecretBox): Inspection {
  if (!existsSync(path)) {
    const folder = nearestFolder(path);
    rmSync(mkdtempSync(join(folder, '.agentkit-doctor-')), { recursive: true });
    return { ...NOTHING_THERE, freeBytes: freeBytes(folder) };
  }
  const lock = lockUnlessHeld(`${path}.lock`);
  try {
    const db = new DatabaseSync(path, { readOnly: lock === undefined });
    try {
      db.exec('PRAGMA busy_timeout = 1000');
      return {
        ...look(db, box, lock !== undefined),
        inUse: lock === undefined,
        freeBytes: freeBytes(dirname(path)),
      };
    } finally {
      db.close();
    }
  } finally {
    lock?.close();
  }
}

function look(db: DatabaseSync, box: SecretBox, writes: boolean): Inspection {
  const seen = schemaVersion(db);
  const missing = pendingMigrations(readMigrations(MIGRATIONS), seen).length;
  if (writes) probe(db, missing === 0);
  // A file that nothing was stored in yet, or of a version that had no keys.
  const count = (table: string) =>
    db.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?").get(table) ===
    undefined
      ? 0
      : Number(db.prepare(`SELECT count(*) AS n FROM ${table}`).get()?.['n']);
  return {
    ...NOTHING_THERE,
    exists: seen.version > 0,
    missingMigrations: missing,
    apiKeys: count('api_keys'),
    secretsOpen: count('agents') === 0 || opens(db, box),
  };
}

/** What a full disk or a file of others refuses. */
function probe(db: DatabaseSync, hasProbe: boolean): void {
  db.exec('PRAGMA synchronous = FULL; BEGIN IMMEDIATE');
  if (hasProbe) db.exec('UPDATE write_probe SET probes = probes + 1');
  db.exec('COMMIT');
}

function opens(db: DatabaseSync, box: SecretBox): boolean {
  const rows = db.prepare('SELECT signing_secret FROM agents LIMIT ?').all(SECRETS_TRIED);
  try {
    for (const row of rows) box.open(row['signing_secret'] as string);
    return true;
  } catch {
    return false;
  }
}

function lockUnlessHeld(path: string): DatabaseSync | undefined {
  try {
    return lockFile(path, 0);
  } catch (error) {
    const { cause } = error as Error;
    if ((cause as { errcode?: unknown } | undefined)?.errcode === BUSY) return undefined;
    throw cause ?? error;
  }
}

function nearestFolder(path: string): string {
  const folder = dirname(path);
  return existsSync(folder) || folder === dirname(folder) ? folder : nearestFolder(folder);
}

function freeBytes(folder: string): number {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
}
