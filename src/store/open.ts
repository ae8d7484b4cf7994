import type { FastifyBaseLogger } from 'fastify';
import { systemClock, type Clock } from '../clock.ts';
import type { Config } from '../config/config.ts';
import { openPostgresStore } from './postgres/store.ts';
import { openSqliteStore } from './sqlite/store.ts';
import type { Store } from './store.ts';

/** The store that DATABASE_URL names, and the clock that goes with it: replicas share that of their database. */
export async function openStore(
  { database, encryptionKeys }: Pick<Config, 'database' | 'encryptionKeys'>,
  log: FastifyBaseLogger,
): Promise<{ readonly store: Store; readonly clock: Clock }> {
  if (database.kind === 'sqlite') {
    return { store: openSqliteStore(database.path, { encryptionKeys }), clock: systemClock() };
  }
  return openPostgresStore(database.url, {
    encryptionKeys,
    onNotice: (message) => log.warn(message),
  });
}
