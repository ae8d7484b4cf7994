import { readMigrations, requireVersion } from '../migrations.ts';
import { StoreUnavailableError } from '../store.ts';
import type { TransferSource, TransferTarget } from '../transfer.ts';
import { applyMigrations, MIGRATIONS } from './migrate.ts';
import { createReading } from './transfer-reading.ts';
import { connect, end, limitWaiting, openedOr, refuseRunning, settle } from './transfer-session.ts';
import { STORED } from './transfer-tables.ts';
import { columnsOf, insertOf } from './transfer-writing.ts';

/**
 * Opens a database that no service runs on; until it is closed, none gets further than its start, and nobody writes.
 * @throws StoreUnavailableError when it cannot be reached, when a service runs on it, or when its schema is another.
 */
export async function openPostgresSource(url: string): Promise<TransferSource> {
  const client = await connect(url);
  return openedOr(client, async () => {
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
    await settle(client);
    const { rows } = await client.query<{ there: boolean }>(
      "SELECT to_regclass('schema_version') IS NOT NULL AND to_regclass('deliveries') IS NOT NULL AS there",
    );
    if (rows[0]?.there !== true)
      throw new StoreUnavailableError('there is nothing of the service in it');
    await client.query('ROLLBACK');
    // The locks first: what is read afterwards is what was there once nobody wrote any more.
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
    await limitWaiting(client);
    await client.query(`LOCK TABLE ${STORED} IN SHARE MODE`);
    await settle(client);
    const { rows: seen } = await client.query<{ version: number }>(
      'SELECT version FROM schema_version',
    );
    requireVersion(readMigrations(MIGRATIONS), seen[0]?.version ?? 0);
    await refuseRunning(client);
    return { ...createReading(client), close: () => end(client) };
  });
}

/**
 * Opens a database that no service runs on, creates the tables if need be, and writes in one transaction. A service that
 * starts on it meanwhile waits for the end of that.
 */
export async function openPostgresTarget(url: string): Promise<TransferTarget> {
  const client = await connect(url);
  return openedOr(client, async () => {
    await client.query('BEGIN');
    await settle(client);
    await applyMigrations(client, readMigrations(MIGRATIONS));
    await refuseRunning(client);
    return {
      ...createReading(client),
      begin: async () => {
        // New files: what an earlier move that was cut off left in the old ones goes with them.
        await client.query(`TRUNCATE ${STORED}`);
      },
      write: async (table, rows) => {
        await client.query({ text: insertOf(table), values: columnsOf(table, rows) });
      },
      derive: async () => {
        await client.query(`
          INSERT INTO lanes AS l (lane, due_at) SELECT lane, min(due_at) FROM schedule GROUP BY lane
          ON CONFLICT (lane) DO UPDATE SET due_at = greatest(excluded.due_at, l.hold_until) WHERE l.paused_at IS NULL`);
        await client.query(
          "SELECT setval('deliveries_seq_seq', coalesce(max(seq), 1), max(seq) IS NOT NULL) FROM deliveries",
        );
        await client.query(`ANALYZE ${STORED}`);
      },
      commit: async () => {
        await client.query('COMMIT');
      },
      close: () => end(client),
    };
  });
}
