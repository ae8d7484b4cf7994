// Fills a database with deliveries, through the store itself: as the service would have left them. Settings as JSON.
import pino from 'pino';
import { loadConfig } from '../../src/config/config.ts';
import { newId } from '../../src/ids.ts';
import { openStore } from '../../src/store/open.ts';
import type { Lease } from '../../src/store/store.ts';
import { aDelivery, anAgent, anAttempt, aToken } from '../../test/helpers/records.ts';
import { taskOf } from '../payload.ts';
import type { SeedSettings } from './seed.ts';

const BATCH = 2_000;
const NO_LIMIT = 1_000_000_000;

const { databaseUrl, count, state, agentUrl } = JSON.parse(process.argv[2] ?? '{}') as SeedSettings;
const config = loadConfig({ DATABASE_URL: databaseUrl });
const { store, clock } = await openStore(config, pino({ level: 'warn' }));

const agent = anAgent({ agentId: newId(), contactEndpoint: agentUrl, registeredAt: clock.now() });
await store.agents.change({ agentId: agent.agentId }, () => ({
  result: undefined,
  write: agent,
  token: aToken(),
  event: 'registered' as const,
}));
const body = taskOf(300);

async function addOne(): Promise<void> {
  const now = clock.now();
  const lease: Lease | undefined =
    state === 'delivered' ? { owner: store.replica.id, until: now + 60_000 } : undefined;
  const task = aDelivery(agent.agentId, {
    id: newId(),
    name: 'summarize',
    createdAt: now,
    dueAt: now,
    body,
  });
  const stored = await store.tasks.insert(task, {
    lease,
    idempotency: undefined,
    queueLimit: NO_LIMIT,
  });
  if (stored.outcome !== 'inserted') throw new Error(stored.outcome);
  if (lease === undefined) return;
  await store.outbox.complete({
    seq: stored.seq,
    epoch: 1,
    lane: task.lane,
    attempt: anAttempt({ startedAt: clock.wall(), statusCode: 202, responseExcerpt: '' }),
    lastError: null,
    state: 'delivered',
    finishedAt: clock.now(),
  });
}

for (let done = 0; done < count; done += BATCH) {
  await Promise.all(Array.from({ length: Math.min(BATCH, count - done) }, addOne));
}
await store.close();
