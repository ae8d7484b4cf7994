import pg from 'pg';
import { fill, seedName, type Seed } from '../seed/seed.ts';
import { newDatabase, query } from '../stores/postgres.ts';
import type { Counts } from './contender.ts';
import { serviceContender, type StoreReader } from './service.ts';

export const serviceOnPostgres = serviceContender({
  name: 'service-postgres',
  title: 'AgentKit service, PostgreSQL',
  durability:
    'on disk: PostgreSQL, `fsync` and `synchronous_commit` on, a commit before each 202 (shared by those of one moment)',
  database: async ({ seed }) => {
    const database = await newDatabase(seed === undefined ? undefined : await seeded(seed));
    return { ...database, read: () => postgresReader(database.url) };
  },
});

const seeds = new Map<string, Promise<string>>();

/** The name of a database with the seed in it, made once per run. */
function seeded(seed: Seed): Promise<string> {
  const name = seedName(seed);
  const making = seeds.get(name) ?? make(seed);
  seeds.set(name, making);
  return making;
}

async function make(seed: Seed): Promise<string> {
  const { name, url } = await newDatabase();
  await fill({ ...seed, databaseUrl: url });
  // As autovacuum leaves a database that has been there for a while.
  await query(url, 'VACUUM ANALYZE');
  return name;
}

/** Counts what was stored since it was opened. */
export async function postgresReader(url: string): Promise<StoreReader> {
  const client = new pg.Client(url);
  await client.connect();
  const first = await client.query<{ last: string }>(
    'SELECT coalesce(max(seq), 0)::text AS last FROM deliveries',
  );
  const last = first.rows[0]?.last ?? '0';
  return {
    counts: async () => {
      const { rows } = await client.query<Counts>(
        `SELECT count(*)::int AS accepted, (count(*) FILTER (WHERE state = 'delivered'))::int AS completed
         FROM deliveries WHERE seq > $1`,
        [last],
      );
      return rows[0] ?? { accepted: 0, completed: 0 };
    },
    close: () => client.end(),
  };
}
