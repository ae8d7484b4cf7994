import type { Scope } from '../../auth/principal.ts';
import type { ApiKey, KeyStore } from '../store.ts';
import { sql, type Database, type Row } from './database.ts';

const insert = sql(
  'keys_insert',
  `INSERT INTO api_keys (name, scope, hash, prefix, created_at) VALUES ($1, $2, $3, $4, $5)
  ON CONFLICT (name) DO NOTHING RETURNING name`,
);
const list = sql('keys_list', 'SELECT * FROM api_keys ORDER BY name');
const find = sql(
  'keys_find',
  'SELECT * FROM api_keys WHERE hash = $1 OR (previous_hash = $1 AND previous_until > $2)',
);
const rotate = sql(
  'keys_rotate',
  `UPDATE api_keys SET previous_hash = hash, previous_until = $2, hash = $3, prefix = $4 WHERE name = $1
  RETURNING *`,
);
// Whoever removes another one at the same time waits here, and then finds one less.
const admins = sql(
  'keys_admins',
  "SELECT name FROM api_keys WHERE scope = 'admin' ORDER BY name FOR UPDATE",
);
const remove = sql('keys_remove', 'DELETE FROM api_keys WHERE name = $1 RETURNING name');

export function createKeyStore(db: Database): KeyStore {
  return {
    insert: async ({ name, scope, hash, prefix, createdAt }) => {
      const rows = await db.write(insert, [name, scope, hash, prefix, createdAt]);
      return rows.length === 1 ? 'inserted' : 'name_taken';
    },
    list: async () => (await db.read(list)).map(toKey),
    findByHash: async (hash, now) => (await db.read(find, [hash, now])).map(toKey)[0],
    rotate: async (name, { previousUntil, hash, prefix }) =>
      (await db.write(rotate, [name, previousUntil, hash, prefix])).map(toKey)[0],
    remove: (name, { lastAdminStays }) =>
      db.transaction(async (tx) => {
        const [admin, another] = lastAdminStays ? await tx.query(admins) : [];
        if (admin?.['name'] === name && another === undefined) return 'last_admin';
        const [removed] = await tx.commit(tx.query(remove, [name]));
        return removed.length === 1 ? 'removed' : 'not_found';
      }),
  };
}

function toKey(row: Row): ApiKey {
  return {
    name: row['name'] as string,
    scope: row['scope'] as Scope,
    hash: row['hash'] as string,
    prefix: row['prefix'] as string,
    createdAt: row['created_at'] as number,
    previousUntil: row['previous_until'] as number | null,
  };
}
