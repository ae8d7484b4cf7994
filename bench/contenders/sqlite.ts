import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fill, seedName, type Seed } from '../seed/seed.ts';
import type { Counts } from './contender.ts';
import { serviceContender, type StoreReader } from './service.ts';

export const serviceOnSqlite = serviceContender({
  name: 'service-sqlite',
  title: 'AgentKit service, SQLite',
  durability:
    'on disk: SQLite WAL, `synchronous=FULL`, an fsync before each 202 (shared by those of one moment)',
  database: async ({ dir, seed }) => {
    const path = join(dir, 'data', 'agentkit.db');
    if (seed !== undefined) {
      mkdirSync(join(dir, 'data'));
      copyFileSync(await seeded(seed), path);
      // The copy is written now, and not while something is measured.
      spawnSync('sync');
    }
    return {
      url: `sqlite:${path}`,
      serverPids: [],
      read: async () => sqliteReader(path),
      remove: async () => undefined,
    };
  },
});

const seeds = new Map<string, Promise<string>>();
let seedDir: string | undefined;

/** A file with the seed in it, made once per run. */
function seeded(seed: Seed): Promise<string> {
  if (seedDir === undefined) {
    const dir = mkdtempSync(join(tmpdir(), 'agentkit-bench-seeds-'));
    seedDir = dir;
    process.once('exit', () => rmSync(dir, { recursive: true, force: true }));
  }
  const path = join(seedDir, `${seedName(seed)}.db`);
  const making =
    seeds.get(path) ?? fill({ ...seed, databaseUrl: `sqlite:${path}` }).then(() => path);
  seeds.set(path, making);
  return making;
}

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
