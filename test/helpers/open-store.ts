import type { PostgresOptions } from '../../src/store/postgres/store.ts';
import { openSqliteStore, type SqliteOptions } from '../../src/store/sqlite/store.ts';
import type { Store } from '../../src/store/store.ts';
import { exemptDatabase } from '../leaks/exempt.ts';
import { ENCRYPTION_KEY } from './secrets.ts';

// Stores as tests open them: sealed, since what they leave behind is searched for secrets. A test about running without
// a key says `encryptionKeys: []`.

const KEYS = [Buffer.from(ENCRYPTION_KEY, 'base64')];

export function openSqlite(path: string, options: SqliteOptions = {}): Store {
  const { encryptionKeys = KEYS } = options;
  if (encryptionKeys.length === 0) exemptDatabase(path);
  return openSqliteStore(path, { ...options, encryptionKeys });
}

export async function openPostgres(url: string, options: PostgresOptions = {}) {
  const { encryptionKeys = KEYS } = options;
  if (encryptionKeys.length === 0) exemptDatabase(url);
  // Loading it takes longer than most tests of SQLite.
  const { openPostgresStore } = await import('../../src/store/postgres/store.ts');
  return openPostgresStore(url, { ...options, encryptionKeys });
}
