import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { LeasedDelivery, NewDelivery } from '../../src/outbox/delivery.ts';
import type { Prepared, SendResult } from '../../src/outbox/sending.ts';
import { Worker, type WorkerDeps } from '../../src/outbox/worker.ts';
import type { Agent, OutboxStore, Store, StoredTask } from '../../src/store/store.ts';
import { testLog } from './log.ts';
import { manualClock } from './manual-clock.ts';
import { openSqlite } from './open-store.ts';
import { aDelivery, anAgent } from './records.ts';
import { insertAgent, insertTask } from './store.ts';
import { tempDir } from './temp-dir.ts';

/** What the world answers to an attempt; undefined = the attempt stays in flight until `answer`. */
export type World = (delivery: LeasedDelivery) => number | undefined | Promise<number>;

export interface WorkerSetup {
  readonly agentConcurrency?: number;
  readonly maxConcurrency?: number;
  readonly world?: World;
  readonly schedule?: readonly number[];
  /** Takes the place of sending where a test is about what comes before it. */
  readonly prepare?: (delivery: LeasedDelivery) => Promise<Prepared | undefined>;
  readonly outbox?: (real: OutboxStore) => Partial<OutboxStore>;
  readonly reportOf?: (task: StoredTask) => NewDelivery | undefined;
  readonly noteDispatch?: WorkerDeps['noteDispatch'];
}

/** Between two probes of a held lane. */
export const PROBE_MS = 15_000;

/** A worker on a real SQLite store, with the network, the clock and chance in the hands of the test. */
export function setupWorker(setup: WorkerSetup = {}) {
  const clock = manualClock();
  const real = openSqlite(join(tempDir(), 'agentkit.db'));
  const store: Store = {
    ...real,
    outbox: { ...real.outbox, ...setup.outbox?.(real.outbox) },
  };
  const lines: Record<string, unknown>[] = [];
  const log = testLog((line) => lines.push(line));

  /** Every attempt, in the order of their starts. */
  const started: LeasedDelivery[] = [];
  /** The same delivery may be in flight twice, under two leases. */
  const inFlight = new Set<{ readonly id: string; resolve(result: SendResult): void }>();
  let mostInFlight = 0;
  let open = true;

  const result = (changes: Partial<SendResult>): SendResult => ({
    startedAt: clock.wall(),
    durationMs: 1,
    connectedMs: 0,
    answeredMs: 1,
    statusCode: null,
    errorClass: null,
    retryAfterMs: undefined,
    responseExcerpt: null,
    ...changes,
  });

  function send(delivery: LeasedDelivery): Promise<SendResult> {
    started.push(delivery);
    return new Promise((resolve) => {
      inFlight.add({ id: delivery.id, resolve });
      mostInFlight = Math.max(mostInFlight, inFlight.size);
      const status = open ? setup.world?.(delivery) : 200;
      if (status === undefined) return;
      void Promise.resolve(status).then((statusCode) => answer(delivery.id, { statusCode }));
    });
  }

  function answer(id: string, how: Partial<SendResult> = { statusCode: 200 }): void {
    for (const attempt of inFlight) {
      if (attempt.id !== id) continue;
      inFlight.delete(attempt);
      attempt.resolve(result(how));
    }
  }

  function interrupt(): void {
    for (const { id } of [...inFlight]) answer(id, { errorClass: 'interrupted' });
  }

  const worker = new Worker(
    {
      store,
      clock,
      log,
      random: () => 0.5,
      prepare: async (delivery) =>
        (await setup.prepare?.(delivery)) ?? {
          outcome: 'send',
          sender: { send: () => send(delivery), interrupt },
          schedule: setup.schedule ?? [1_000, 5_000],
          request: { url: 'http://agent/', headers: {}, body: delivery.body, timeoutMs: 1_000 },
        },
      reportOf: setup.reportOf ?? (() => undefined),
      noteDispatch: setup.noteDispatch ?? (() => ({ counts: true })),
      probeInterval: PROBE_MS,
      interrupt,
    },
    {
      owner: 'worker',
      agentConcurrency: setup.agentConcurrency ?? 16,
      maxConcurrency: setup.maxConcurrency ?? 512,
      attemptTimeout: 1_000,
    },
  );
  onTestFinished(async () => {
    open = false;
    for (const { id } of [...inFlight]) answer(id);
    await worker.stop(0);
    await real.close();
  });

  /** Lets everything happen that happens by itself: turns of the event loop, and what the store was asked for in each. */
  async function settle(turns = 10): Promise<void> {
    for (let i = 0; i < turns; i += 1) {
      await new Promise((resolve) => setImmediate(resolve));
      await real.check();
    }
  }

  return {
    worker,
    settle,
    store,
    real,
    clock,
    lines,
    started,
    /** Names of the attempts, in the order of their starts. */
    names: () => started.map(({ name }) => name),
    inFlight: () => [...inFlight].map(({ id }) => id),
    mostInFlight: () => mostInFlight,
    answer,
    agent: async (webhook?: (agent: Agent) => NewDelivery): Promise<Agent> => {
      const agent = anAgent();
      return insertAgent(real, agent, { webhook: webhook?.(agent) });
    },
    /** Stores tasks that are due now, as a restart finds them: nobody holds a lease. */
    tasks: async (
      agent: Agent,
      count: number,
      changes: Parameters<typeof aDelivery>[1] = {},
    ): Promise<string[]> => {
      const tasks = Array.from({ length: count }, () =>
        aDelivery(agent.agentId, { createdAt: clock.now(), dueAt: clock.now(), ...changes }),
      );
      await Promise.all(tasks.map((task) => insertTask(real, task)));
      return tasks.map(({ id }) => id);
    },
    /** What GET /v1/tasks/{id} would tell. */
    task: async (id: string) => {
      const task = await real.tasks.get(id);
      if (task === undefined) throw new Error(`there is no task ${id}`);
      return { ...task.record, attempts: task.attempts };
    },
    stateOf: async (id: string) => (await real.tasks.get(id))?.record.state,
    /** Time passes, and the worker notices. */
    pass: (ms: number) => {
      clock.advance(ms);
      worker.wake();
    },
  };
}
