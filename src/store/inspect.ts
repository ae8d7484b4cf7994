import type { Config } from '../config/config.ts';
import type { Inspection } from './inspection.ts';
import { inspectPostgres } from './postgres/inspect.ts';
import { createSecretBox } from './secret-box.ts';
import { inspectSqlite } from './sqlite/inspect.ts';

/**
 * Looks at the database that DATABASE_URL names, also while a service works on it.
 * @throws Error that says why it cannot be used.
 */
export async function inspectDatabase({
  database,
  encryptionKeys,
}: Pick<Config, 'database' | 'encryptionKeys'>): Promise<Inspection> {
  const box = createSecretBox(encryptionKeys);
  return database.kind === 'sqlite'
    ? inspectSqlite(database.path, box)
    : inspectPostgres(database.url, box);
}
