import { newDatabase } from '../stores/postgres.ts';
import { redisVersion, startRedis, type AppendFsync } from '../stores/redis.ts';
import { queueContender } from './peer.ts';

const bullmq = (appendfsync: AppendFsync, durability: string) =>
  queueContender({
    name: `bullmq-${appendfsync}`,
    title: `BullMQ, Redis \`appendfsync ${appendfsync}\``,
    durability,
    queue: 'bullmq',
    concurrency: 300,
    apart: true,
    missing: () => (redisVersion() === undefined ? 'redis-server is not installed' : undefined),
    open: ({ dir }) => startRedis(dir, appendfsync),
  });

export const bullmqAlways = bullmq(
  'always',
  'on disk: Redis append-only file, an fsync before each answer',
);
export const bullmqEverySecond = bullmq(
  'everysec',
  'in memory, on disk within a second: a crash of the machine loses up to a second of 202s',
);

export const pgBoss = queueContender({
  name: 'pg-boss',
  title: 'pg-boss, PostgreSQL',
  durability: 'on disk: PostgreSQL, `fsync` and `synchronous_commit` on, a commit for each 202',
  queue: 'pg-boss',
  concurrency: 0,
  apart: false,
  open: () => newDatabase(),
});

export const graphileWorker = queueContender({
  name: 'graphile-worker',
  title: 'graphile-worker, PostgreSQL',
  durability: 'on disk: PostgreSQL, `fsync` and `synchronous_commit` on, a commit for each 202',
  queue: 'graphile-worker',
  concurrency: 24,
  apart: false,
  open: () => newDatabase(),
});
