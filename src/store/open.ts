import type { FastifyBaseLogger } from 'fastify';
import { systemClock, type Clock } from '../clock.ts';
import type { Config } from '../config/config.ts';
import { openPostgresStore } from './postgres/store.ts';
import { openSqliteStore } from './sqlite/store.ts';
import type { Store } from './store.ts';

/** A predecessor on the same file drains for its SHUTDOWN_GRACE, most likely the same as ours: 15 s by default. */
const LOCK_WAIT_PER_GRACE = 1.5;
const SHORTEST_LOCK_WAIT_MS = 1_000;

/** The store that DATABASE_URL names, and the clock that goes with it: replicas share that of their database. */
export async function openStore(
  {
    database,
    encryptionKeys,
    shutdownGrace,
  }: Pick<Config, 'database' | 'encryptionKeys' | 'shutdownGrace'>,
  log: FastifyBaseLogger,
  onBatch?: (writes: number) => void,
): Promise<{ readonly store: Store; readonly clock: Clock }> {
  if (database.kind === 'sqlite') {
    const lockWaitMs = Math.max(SHORTEST_LOCK_WAIT_MS, shutdownGrace * LOCK_WAIT_PER_GRACE);
    const store = openSqliteStore(database.path, { lockWaitMs, encryptionKeys, onBatch });
    return { store, clock: systemClock() };
  }
  return openPostgresStore(database.url, {
    encryptionKeys,
    onBatch,
    onNotice: (message) => log.warn(message),
  });
}
