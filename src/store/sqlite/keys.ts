import type { DatabaseSync } from 'node:sqlite';
import type { Scope } from '../../auth/principal.ts';
import type { ApiKey, KeyStore } from '../store.ts';
import type { GroupCommit } from './group-commit.ts';

export function createKeyStore(db: DatabaseSync, commit: GroupCommit): KeyStore {
  const insert = db.prepare(`
    INSERT INTO api_keys (name, scope, hash, prefix, created_at) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (name) DO NOTHING`);
  const list = db.prepare('SELECT * FROM api_keys ORDER BY name');
  const find = db.prepare(
    'SELECT * FROM api_keys WHERE hash = ? OR (previous_hash = ? AND previous_until > ?)',
  );
  const rotate = db.prepare(`
    UPDATE api_keys SET previous_hash = hash, previous_until = ?, hash = ?, prefix = ? WHERE name = ?
    RETURNING *`);
  const admins = db.prepare("SELECT name FROM api_keys WHERE scope = 'admin' LIMIT 2");
  const remove = db.prepare('DELETE FROM api_keys WHERE name = ?');

  return {
    insert: ({ name, scope, hash, prefix, createdAt }) =>
      commit.run(() =>
        insert.run(name, scope, hash, prefix, createdAt).changes === 1 ? 'inserted' : 'name_taken',
      ),
    list: async () => list.all().map(toKey),
    findByHash: async (hash, now) => {
      const row = find.get(hash, hash, now);
      return row === undefined ? undefined : toKey(row);
    },
    rotate: (name, next) =>
      commit.run(() => {
        const row = rotate.get(next.previousUntil, next.hash, next.prefix, name);
        return row === undefined ? undefined : toKey(row);
      }),
    remove: (name, { lastAdminStays }) =>
      commit.run(() => {
        const [admin, another] = lastAdminStays ? admins.all() : [];
        if (admin?.['name'] === name && another === undefined) return 'last_admin';
        return remove.run(name).changes === 1 ? 'removed' : 'not_found';
      }),
  };
}

function toKey(row: Record<string, unknown>): ApiKey {
  return {
    name: row['name'] as string,
    scope: row['scope'] as Scope,
    hash: row['hash'] as string,
    prefix: row['prefix'] as string,
    createdAt: row['created_at'] as number,
    previousUntil: row['previous_until'] as number | null,
  };
}
