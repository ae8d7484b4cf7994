import { join } from 'node:path';
import pg from 'pg';
import {
  pendingMigrations,
  readMigrations,
  versionAfter,
  type Migration,
  type SchemaVersion,
} from '../migrations.ts';
import { connectionOptions, type ConnectionMode } from './connection.ts';
import { asUnavailable } from './errors.ts';

export const MIGRATIONS = join(import.meta.dirname, 'migrations');

/** Names the advisory lock under which replicas that start together take turns: 'agentkit' in ASCII. */
const LOCK = '7017280570803617140';

/**
 * Brings the database up to date: one transaction, so a start that dies half-way leaves nothing behind, under an
 * advisory lock that ends with it (also behind a transaction-mode pooler). `seal` runs under the same lock.
 * @throws StoreUnavailableError when a newer version has changed it so that this one cannot work on it.
 */
export async function migrate(
  url: string,
  mode: ConnectionMode,
  seal: (client: pg.Client) => Promise<void>,
  known: readonly Migration[] = readMigrations(MIGRATIONS),
): Promise<void> {
  const client = new pg.Client(connectionOptions(url, mode));
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query('BEGIN');
    // A migration of a large table, or waiting for another replica's, may take its time.
    await client.query(
      "SELECT set_config('statement_timeout', '0', true), set_config('synchronous_commit', 'on', true)",
    );
    await client.query('SELECT pg_advisory_xact_lock($1)', [LOCK]);
    await apply(client, known);
    await seal(client);
    await client.query('COMMIT');
  } catch (error) {
    throw asUnavailable(error);
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** What is not there yet, and what the database then says of its schema. */
async function apply(client: pg.Client, known: readonly Migration[]): Promise<void> {
  await client.query(
    'CREATE TABLE IF NOT EXISTS schema_version (version integer NOT NULL, oldest integer NOT NULL DEFAULT 1)',
  );
  const { rows } = await client.query<SchemaVersion>('SELECT version, oldest FROM schema_version');
  const seen = rows[0] ?? { version: 0, oldest: 0 };
  const pending = pendingMigrations(known, seen);
  if (pending.length === 0) return;
  for (const { sql } of pending) await client.query(sql);
  const { version, oldest } = versionAfter(known, seen);
  await client.query('DELETE FROM schema_version');
  await client.query('INSERT INTO schema_version (version, oldest) VALUES ($1, $2)', [
    version,
    oldest,
  ]);
}
