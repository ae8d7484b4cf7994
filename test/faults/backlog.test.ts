import { join } from 'node:path';
import { expect, onTestFinished } from 'vitest';
import { systemClock, type Clock } from '../../src/clock.ts';
import type { Store } from '../../src/store/store.ts';
import { hang, startAgentServer } from '../helpers/agent-server.ts';
import { eventually } from '../helpers/eventually.ts';
import { openPostgres, openSqlite } from '../helpers/open-store.ts';
import { emptyDatabase, query } from '../helpers/postgres.ts';
import { aDelivery, anAgent, anAttempt } from '../helpers/records.ts';
import { startService, tempDir } from '../helpers/service-process.ts';
import { claimAt, insertAgent, insertTask } from '../helpers/store.ts';
import { experiment } from './harness/experiment.ts';
import { quantile, round } from './harness/figures.ts';
import { memoryOf } from './harness/memory.ts';
import { fillPostgres, fillSqlite } from './harness/waiting.ts';

type Kind = 'sqlite' | 'postgres';

const AGENTS = 10;
/** Attempts in flight to each of them. */
const SLOTS = 8;
const FEW = 1_000;

/** What a worker with some room asks for. */
const TAKEN = 256;
const PER_LANE = 80;

const TURNS_PER_VACUUM = 20;

/** How much more a long backlog may cost. */
const MOST = 1.5;

interface Backlog {
  readonly databaseUrl: string;
  readonly store: Store;
  readonly clock: Clock;
  close(): Promise<void>;
}

/** A database in which so many tasks wait for agents that live at this address, opened. */
async function backlogOf(kind: Kind, total: number, endpoint: string): Promise<Backlog> {
  const path = join(tempDir(), 'agentkit.db');
  const url = kind === 'sqlite' ? `sqlite:${path}` : await emptyDatabase();
  const open = async () =>
    kind === 'sqlite' ? { store: openSqlite(path), clock: systemClock() } : openPostgres(url);
  const first = await open();
  const agentIds: string[] = [];
  for (let n = 0; n < AGENTS; n += 1) {
    const agent = await insertAgent(first.store, anAgent({ contactEndpoint: endpoint }));
    agentIds.push(agent.agentId);
  }
  await first.store.close();
  if (kind === 'sqlite') fillSqlite(path, { agentIds, total });
  else await fillPostgres(url, { agentIds, total });
  const second = await open();
  let closed: Promise<void> | undefined;
  const close = () => (closed ??= second.store.close());
  onTestFinished(close);
  return { databaseUrl: url, ...second, close };
}

/** One claim, its time in milliseconds; what it took is then delivered, and as many tasks come instead. */
async function turn({ store, clock }: Backlog): Promise<number> {
  const now = clock.now();
  const start = performance.now();
  const { deliveries } = await claimAt(store, now, {
    limit: TAKEN,
    capacityOf: () => PER_LANE,
    lease: { owner: store.replica.id, until: now + 20_000 },
  });
  const took = performance.now() - start;
  expect(deliveries).toHaveLength(TAKEN);
  await Promise.all(
    deliveries.map(({ seq, epoch, lane }) =>
      store.outbox.complete({
        seq,
        epoch,
        lane,
        attempt: anAttempt(),
        lastError: null,
        state: 'delivered',
        finishedAt: now,
      }),
    ),
  );
  await Promise.all(
    deliveries.map(({ agentId }) =>
      insertTask(
        store,
        aDelivery(agentId, {
          createdAt: now,
          dueAt: now,
          body: 'x'.repeat(300),
        }),
        { queueLimit: 10_000_000 },
      ),
    ),
  );
  return took;
}

/** What autovacuum does once a minute; until then a claim steps over what was delivered since, however long the backlog is. */
async function vacuum({ databaseUrl }: Backlog): Promise<void> {
  if (databaseUrl.startsWith('postgres:')) await query(databaseUrl, 'VACUUM schedule');
}

/** Of a service that has as many tasks in its hands as it takes, and nobody who takes them from it, in MiB. */
async function memoryOfService({ databaseUrl }: Backlog, inFlight: () => number): Promise<number> {
  const before = inFlight();
  const service = await startService({
    dir: tempDir(),
    env: { DATABASE_URL: databaseUrl, DISPATCH_TIMEOUT: '5m', AGENT_CONCURRENCY: String(SLOTS) },
  });
  await eventually(() => inFlight() - before === AGENTS * SLOTS, 'all slots are taken');
  const memory = memoryOf(service.pid);
  await service.end('SIGKILL');
  return memory;
}

for (const kind of ['sqlite', 'postgres'] as const) {
  experiment(
    `${kind}: what a long backlog costs`,
    {
      full: { waiting: 1_000_000, turns: 60, memory: true },
      short: { waiting: 20_000, turns: 10, memory: false },
      limit: 180,
    },
    async ({ size, report }) => {
      const agent = await startAgentServer(hang);
      const few = await backlogOf(kind, FEW, agent.url);
      const filledAt = performance.now();
      const many = await backlogOf(kind, size.waiting, agent.url);
      report({
        waiting: size.waiting,
        'filled in s': round((performance.now() - filledAt) / 1_000),
      });
      const times: [few: number[], many: number[]] = [[], []];
      // The first ones read what none of the later ones has to.
      for (let n = 0; n < 5; n += 1) await Promise.all([turn(few), turn(many)]);
      const ratio = () => quantile(times[1], 0.5) / quantile(times[0], 0.5);
      for (let tries = 0; tries < 3 && !(ratio() <= MOST); tries += 1) {
        for (let n = 0; n < size.turns; n += 1) {
          if (n % TURNS_PER_VACUUM === 0) await Promise.all([vacuum(few), vacuum(many)]);
          times[0].push(await turn(few));
          times[1].push(await turn(many));
        }
      }
      report({
        turns: times[0].length,
        'claim of 256, median ms': times
          .map((sample) => round(quantile(sample, 0.5), 2))
          .join(' / '),
        'p95 ms': times.map((sample) => round(quantile(sample, 0.95), 2)).join(' / '),
      });
      expect(ratio()).toBeLessThanOrEqual(MOST);
      if (!size.memory) return;
      await few.close();
      await many.close();
      const memory = [
        await memoryOfService(few, () => agent.dispatches.length),
        await memoryOfService(many, () => agent.dispatches.length),
      ] as const;
      report({ 'memory MiB': memory.map(Math.round).join(' / ') });
      expect(memory[1] / memory[0]).toBeLessThanOrEqual(MOST);
    },
  );
}
