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
import { asUnavailable, isConflict, isLockTimeout } from './errors.ts';

export const MIGRATIONS = join(import.meta.dirname, 'migrations');

/** Names the advisory lock under which replicas that start together take turns: 'agentkit' in ASCII. */
const LOCK = '7017280570803617140';

/**
 * A change of a table waits until nobody uses it, and whoever comes later waits behind it: with a long backup under way,
 * that would be everybody. So it gives up soon, lets the others pass, and tries again for as long as a start may take.
 */
const LOCK_TIMEOUT_MS = 1_000;
const PAUSE_MS = 1_000;
const PATIENCE_MS = 60_000;

/**
 * Brings the database up to date: one transaction, so a start that dies half-way leaves nothing behind, under an
 * advisory lock that ends with it (also behind a transaction-mode pooler). Then `seal` runs.
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
    await migrateOnceFree(client, known);
    // Not in the same transaction: what a migration locked would stay locked for as long as it takes.
    await seal(client);
  } catch (error) {
    throw asUnavailable(error);
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function migrateOnceFree(client: pg.Client, known: readonly Migration[]): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    try {
      await client.query('BEGIN');
      await lockSchema(client);
      await client.query(`SET LOCAL lock_timeout = ${LOCK_TIMEOUT_MS}`);
      await applyMigrations(client, known);
      await client.query('COMMIT');
      return;
    } catch (error) {
      // A deadlock as well: who is at work locks tables in another order than a migration changes them.
      const again = isLockTimeout(error) || isConflict(error);
      if (!again || performance.now() > deadline) throw error;
      await client.query('ROLLBACK');
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}

/** Inside a transaction: no other start, nor a move, gets further than this until it ends. */
export async function lockSchema(client: pg.Client): Promise<void> {
  // A migration of a large table, or waiting for another replica's, may take its time.
  await client.query(
    "SELECT set_config('statement_timeout', '0', true), set_config('synchronous_commit', 'on', true)",
  );
  await client.query('SELECT pg_advisory_xact_lock($1)', [LOCK]);
}

/** Inside a transaction under the lock: what is not there yet. */
export async function applyMigrations(
  client: pg.Client,
  known: readonly Migration[],
): Promise<void> {
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
