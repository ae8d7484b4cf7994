import type { Contender } from './contender.ts';
import { bareFastify, bareHttp, relay } from './memory.ts';
import { serviceOnPostgres } from './postgres.ts';
import { serviceOnSqlite } from './sqlite.ts';
import { bullmqAlways, bullmqEverySecond, graphileWorker, pgBoss } from './stored.ts';

export const services: readonly Contender[] = [serviceOnSqlite, serviceOnPostgres];

/** All that send tasks on. */
export const delivering: readonly Contender[] = [
  relay,
  ...services,
  bullmqAlways,
  bullmqEverySecond,
  graphileWorker,
  pgBoss,
];

export const everybody: readonly Contender[] = [bareHttp, bareFastify, ...delivering];
