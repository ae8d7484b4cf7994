import pg from 'pg';
import { StoreUnavailableError } from '../store.ts';
import { connectionOptions, detectMode } from './connection.ts';
import { assertUsable } from './database.ts';
import { asUnavailable, isLockTimeout } from './errors.ts';
import { lockSchema } from './migrate.ts';
import { LIVE_MS } from './replica.ts';

/** Somebody who holds a lock for longer than this is no service that is just stopping. */
const LOCK_TIMEOUT_MS = 5_000;

export async function connect(url: string): Promise<pg.Client> {
  const { mode, settings } = await detectMode(url);
  assertUsable(settings);
  const client = new pg.Client(connectionOptions(url, mode));
  // What breaks shows itself in the statement that was under way.
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

export async function openedOr<T>(client: pg.Client, open: () => Promise<T>): Promise<T> {
  try {
    return await open();
  } catch (error) {
    await end(client);
    if (isLockTimeout(error)) {
      throw new StoreUnavailableError('its tables are in use: by a service, a move, or a backup', {
        cause: error,
      });
    }
    throw asUnavailable(error);
  }
}

/** A transaction that is not rolled back by its end is by this. */
export async function end(client: pg.Client): Promise<void> {
  await client.end().catch(() => undefined);
}

export async function limitWaiting(client: pg.Client): Promise<void> {
  await client.query(`SET LOCAL lock_timeout = ${LOCK_TIMEOUT_MS}`);
}

/** For one long transaction: a batch is read from the other side between two statements, and plans are over whole tables. */
export async function settle(client: pg.Client): Promise<void> {
  await limitWaiting(client);
  await lockSchema(client);
  await client.query(`
    SET LOCAL idle_in_transaction_session_timeout = 0; SET LOCAL enable_seqscan = on;
    SET LOCAL enable_hashjoin = on; SET LOCAL enable_mergejoin = on`);
}

export async function refuseRunning(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ live: number }>(
    'SELECT count(*) AS live FROM replicas WHERE seen_at > extract(epoch FROM clock_timestamp()) * 1000 - $1',
    [LIVE_MS],
  );
  const live = rows[0]?.live ?? 0;
  if (live === 0) return;
  throw new StoreUnavailableError(
    `a service runs on it, or did ${LIVE_MS / 1_000} s ago (${live} of them): stop it, and try again`,
  );
}
