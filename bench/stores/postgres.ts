import { readFileSync } from 'node:fs';
import pg from 'pg';
import { startPostgres, type PostgresServer } from '../../test/helpers/postgres-server.ts';

/** What all on PostgreSQL run with; everything else is PostgreSQL's default. */
export const postgresSettings = [
  'fsync=on',
  'synchronous_commit=on',
  'full_page_writes=on',
  'max_connections=300',
] as const;

let starting: Promise<PostgresServer> | undefined;
let databases = 0;

/** One server for the whole run. */
function server(): Promise<PostgresServer> {
  starting ??= startPostgres(postgresSettings);
  return starting;
}

export async function stopPostgres(): Promise<void> {
  await (await starting)?.remove();
  starting = undefined;
}

/** One statement by a connection of its own. */
export async function query<T extends object>(url: string, text: string): Promise<T[]> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    return (await client.query<T>(text)).rows;
  } finally {
    await client.end();
  }
}

/** A new database: empty, or a copy of `template`. What others left in the write-ahead log is written before it is used. */
export async function newDatabase(template = 'template0') {
  const postgres = await server();
  const root = postgres.url('postgres');
  databases += 1;
  const name = `bench_${String(databases)}`;
  await query(root, `CREATE DATABASE ${name} TEMPLATE ${template} STRATEGY file_copy`);
  await query(root, 'CHECKPOINT');
  return {
    name,
    url: postgres.url(name),
    serverPids: [await postmaster(root)],
    remove: async () => {
      await query(root, `DROP DATABASE ${name} WITH (FORCE)`);
    },
  };
}

/** Every session is a child of it. */
async function postmaster(url: string): Promise<number> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    const stat = readFileSync(`/proc/${String(rows[0]?.pid)}/stat`, 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } finally {
    await client.end();
  }
}

export async function postgresVersion(): Promise<string> {
  const [row] = await query<{ server_version: string }>(
    (await server()).url('postgres'),
    'SHOW server_version',
  );
  return row?.server_version ?? '';
}
