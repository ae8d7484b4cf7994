import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { StoreUnavailableError } from '../store.ts';
import { connectionOptions, type ConnectionMode } from './connection.ts';
import { asUnavailable, isConflict } from './errors.ts';

const MIGRATIONS = join(import.meta.dirname, 'migrations');

/** Names the advisory lock under which replicas that start together take turns: 'agentkit' in ASCII. */
const LOCK = '7017280570803617140';

/** A deadlock with what runs meanwhile is tried again so often. */
const TRIES = 10;

/**
 * Brings the database up to date: one transaction, so a start that dies half-way leaves nothing behind, under an
 * advisory lock that ends with it (also behind a transaction-mode pooler). `seal` runs under the same lock.
 * @throws StoreUnavailableError when the database is newer than this version of the service.
 */
export async function migrate(
  url: string,
  mode: ConnectionMode,
  seal: (client: pg.Client) => Promise<void>,
): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      await migrateOnce(url, mode, seal);
      return;
    } catch (error) {
      // Replicas of the version before are at work, and lock tables in another order than a migration can.
      if (!isConflict(error) || tries === TRIES) throw asUnavailable(error);
    }
  }
}

async function migrateOnce(
  url: string,
  mode: ConnectionMode,
  seal: (client: pg.Client) => Promise<void>,
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
    await apply(client);
    await seal(client);
    await client.query('COMMIT');
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function apply(client: pg.Client): Promise<void> {
  const files = readdirSync(MIGRATIONS)
    .filter((file) => file.endsWith('.sql'))
    .sort();
  await client.query('CREATE TABLE IF NOT EXISTS schema_version (version integer NOT NULL)');
  const { rows } = await client.query<{ version: number }>('SELECT version FROM schema_version');
  const seen = rows[0]?.version ?? 0;
  if (seen > files.length) {
    throw new StoreUnavailableError(
      `the database is at migration ${seen}, this version of the service knows ${files.length}: start the newer version`,
    );
  }
  if (seen === files.length) return;
  for (const file of files.slice(seen)) {
    await client.query(readFileSync(join(MIGRATIONS, file), 'utf8'));
  }
  await client.query('DELETE FROM schema_version');
  await client.query('INSERT INTO schema_version (version) VALUES ($1)', [files.length]);
}
