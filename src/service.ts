import { readFileSync } from 'node:fs';
import { randomUUID } from 'node:crypto';
import type { FastifyBaseLogger, FastifyInstance } from 'fastify';
import { buildApp } from './app.ts';
import { systemClock, type Clock } from './clock.ts';
import type { Config } from './config/config.ts';
import { LONGEST_ATTEMPT_MS } from './config/variables.ts';
import { createHttpAgent, createSender } from './dispatcher/send.ts';
import { createPrepare } from './dispatcher/targets.ts';
import { startRetention } from './outbox/retention.ts';
import { LEASE_MARGIN_MS, Worker } from './outbox/worker.ts';
import { createRegistry } from './registry/registry.ts';
import { dispatchFailedReport } from './report/state-report.ts';
import { openSqliteStore } from './store/sqlite/store.ts';
import type { Store } from './store/store.ts';
import { createTasks } from './tasks/tasks.ts';

export interface Service {
  readonly app: FastifyInstance;
  readonly store: Store;
  /** Where it listens, once `listen` has resolved. */
  readonly url: () => string;
  listen(): Promise<void>;
  /** Stop accepting, stop claiming, drain what is in flight, close the store; within SHUTDOWN_GRACE. */
  close(): Promise<void>;
}

/** Of SHUTDOWN_GRACE, what recording the last attempts and closing the store may take. */
const CLOSE_MARGIN_MS = 500;

/** A predecessor on the same file drains for its SHUTDOWN_GRACE, most likely the same as ours: 15 s by default. */
const LOCK_WAIT_PER_GRACE = 1.5;
const SHORTEST_LOCK_WAIT_MS = 1_000;

const { version } = JSON.parse(
  readFileSync(new URL('../package.json', import.meta.url), 'utf8'),
) as { version: string };

/** Puts the parts together: config → store → worker → app. */
export async function createService(
  config: Config,
  log: FastifyBaseLogger,
  clock: Clock = systemClock(),
): Promise<Service> {
  const lockWaitMs = Math.max(SHORTEST_LOCK_WAIT_MS, config.shutdownGrace * LOCK_WAIT_PER_GRACE);
  const store = openSqliteStore(config.database.path, { lockWaitMs });
  const attemptTimeout = Math.max(config.dispatchTimeout, config.webhookTimeout);
  // Not our own timeout: whoever held the leases may have been started with a longer one.
  await store.outbox.recover(clock.now(), LONGEST_ATTEMPT_MS + LEASE_MARGIN_MS);

  const agentHttp = createHttpAgent();
  const opscoreHttp = createHttpAgent();
  const agentSender = createSender(agentHttp, clock);
  const opscoreSender = createSender(opscoreHttp, clock);

  const notifications = {
    webhooks: config.webhook !== undefined,
    stateReports: config.opscoreApi !== undefined,
  };
  const worker = new Worker(
    {
      store,
      clock,
      log,
      random: Math.random,
      prepare: createPrepare({
        config,
        clock,
        agentSender,
        opscoreSender,
        getAgent: (agentId) => store.agents.get(agentId),
      }),
      reportOf: (task) =>
        notifications.stateReports
          ? dispatchFailedReport(task, clock.now(), clock.wall())
          : undefined,
      interrupt: () => {
        agentSender.interrupt();
        opscoreSender.interrupt();
      },
    },
    {
      owner: randomUUID(),
      agentConcurrency: config.agentConcurrency,
      maxConcurrency: config.maxConcurrency,
      attemptTimeout,
    },
  );
  const registry = createRegistry({ store, clock, notifications, worker });
  const tasks = createTasks({ store, clock, worker });
  const app = await buildApp({
    registry,
    tasks,
    store,
    log,
    version,
    bodyLimit: config.bodyLimit,
  });
  const retention = startRetention({ store, clock, log }, config);
  let url = '';

  return {
    app,
    store,
    url: () => url,
    listen: async () => {
      url = await app.listen({ host: config.host, port: config.port });
      worker.start();
      await registry.resumeDeregistrations();
    },
    close: async () => {
      const deadline = performance.now() + config.shutdownGrace - CLOSE_MARGIN_MS;
      // Whoever is still sending a request by then may not take the drain time of the attempts as well.
      const hangUp = setTimeout(() => app.server.closeAllConnections(), config.shutdownGrace / 2);
      await app.close();
      clearTimeout(hangUp);
      await retention.stop();
      await worker.stop(Math.max(0, deadline - performance.now()));
      await Promise.all([agentHttp.close(), opscoreHttp.close()]);
      await store.close();
    },
  };
}
