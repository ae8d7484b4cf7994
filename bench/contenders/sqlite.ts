import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Counts } from './contender.ts';
import { serviceContender, type StoreReader } from './service.ts';

export const serviceOnSqlite = serviceContender({
  name: 'service-sqlite',
  title: 'AgentKit service, SQLite',
  durability:
    'on disk: SQLite WAL, `synchronous=FULL`, an fsync before each 202 (shared by those of one moment)',
  database: async ({ dir }) => {
    const path = join(dir, 'data', 'agentkit.db');
    return {
      url: `sqlite:${path}`,
      serverPids: [],
      read: async () => sqliteReader(path),
      remove: async () => undefined,
    };
  },
});

/** Counts what was stored since it was opened. */
export function sqliteReader(path: string): StoreReader {
  const db = new DatabaseSync(path, { readOnly: true });
  const { last } = db.prepare('SELECT coalesce(max(seq), 0) AS last FROM deliveries').get() as {
    last: number;
  };
  const select = db.prepare(`
    SELECT count(*) AS accepted, count(*) FILTER (WHERE state = 'delivered') AS completed
    FROM deliveries WHERE seq > ?`);
  return {
    counts: async () => ({ ...(select.get(last) as unknown as Counts) }),
    close: async () => db.close(),
  };
}
