import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { StoreUnavailableError } from './store.ts';

/** One numbered file; its place is its number. */
export interface Migration {
  readonly sql: string;
  /** It only adds: versions that do not know it keep working beside it. Said by its first line, `-- expand: ...`. */
  readonly expands: boolean;
}

/** What a database says of its schema. */
export interface SchemaVersion {
  /** How many migrations it has seen. */
  readonly version: number;
  /** How many a version of the service has to know at the least to work on it. */
  readonly oldest: number;
}

/** The migrations in a folder, in their order. */
export function readMigrations(folder: string): Migration[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.sql'))
    .sort()
    .map((file) => readFileSync(join(folder, file), 'utf8'))
    .map((sql) => ({ sql, expands: sql.startsWith('-- expand: ') }));
}

/**
 * Those that the database has not seen.
 * @throws StoreUnavailableError when a newer version has changed it so that this one cannot work on it.
 */
export function pendingMigrations(known: readonly Migration[], seen: SchemaVersion): Migration[] {
  if (seen.oldest > known.length) {
    throw new StoreUnavailableError(
      `the database is at migration ${seen.version} and needs a version of the service that knows ${seen.oldest}, this one knows ${known.length}: start the newer version`,
    );
  }
  return known.slice(seen.version);
}

/** What the database says once it has seen all of them. */
export function versionAfter(known: readonly Migration[], seen: SchemaVersion): SchemaVersion {
  const last = known.findLastIndex(({ expands }) => !expands);
  return {
    version: Math.max(known.length, seen.version),
    oldest: Math.max(last + 1, seen.oldest),
  };
}

/**
 * A move reads and writes columns by their names, so it wants the very schema that it knows.
 * @throws StoreUnavailableError otherwise.
 */
export function requireVersion(known: readonly Migration[], version: number): void {
  if (version === known.length) return;
  throw new StoreUnavailableError(
    `the database is at migration ${version}, this version of the service is at ${known.length}: ` +
      (version < known.length
        ? 'start the service on it once, and stop it'
        : 'use the newer version'),
  );
}
