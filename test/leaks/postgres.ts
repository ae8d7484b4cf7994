import pg from 'pg';
import { isExempt } from './exempt.ts';
import { record } from './recording.ts';

const ROWS = 5_000;

/** Records every row of every table of a PostgreSQL database. */
export async function recordPostgres(url: string): Promise<void> {
  if (isExempt(url)) return;
  const client = new pg.Client(url);
  await client.connect();
  try {
    await recordRows(client);
  } finally {
    await client.end();
  }
}

/** The same over a connection that is there. As text; bytes as far as they are ASCII as they are. */
export async function recordRows(client: pg.Client): Promise<void> {
  const tables = await client.query<{ name: string }>(
    `SELECT oid::regclass::text AS name FROM pg_class
       WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace`,
  );
  if (tables.rows.length === 0) return;
  const all = tables.rows.map(({ name }) => `SELECT '${name} ' || t::text AS row FROM ${name} t`);
  await client.query(
    `BEGIN; SET LOCAL bytea_output = 'escape'; DECLARE all_rows CURSOR FOR ${all.join(' UNION ALL ')}`,
  );
  for (;;) {
    const { rows } = await client.query<{ row: string }>(`FETCH ${ROWS} FROM all_rows`);
    if (rows.length === 0) break;
    record('database', 'PostgreSQL', rows.map(({ row }) => `${row}\n`).join(''));
  }
  await client.query('COMMIT');
}

/** The same with every database of a server. */
export async function recordPostgresServer(urlOf: (database: string) => string): Promise<void> {
  const client = new pg.Client(urlOf('postgres'));
  await client.connect();
  const { rows } = await client.query<{ name: string }>(
    'SELECT datname AS name FROM pg_database WHERE NOT datistemplate',
  );
  await client.end();
  for (const { name } of rows) await recordPostgres(urlOf(name));
}
