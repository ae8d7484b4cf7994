import { readFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import type { FastifyBaseLogger, FastifyInstance } from 'fastify';
import { buildApp } from './app.ts';
import { createKeyring } from './auth/keyring.ts';
import type { Clock } from './clock.ts';
import { ConfigError, isLoopback, type Config } from './config/config.ts';
import { LONGEST_ATTEMPT_MS } from './config/variables.ts';
import { createDeliveries } from './deliveries/deliveries.ts';
import { createReplays } from './deliveries/replays.ts';
import { createEgressGuard } from './dispatcher/egress.ts';
import { createPing } from './dispatcher/ping.ts';
import { configuredSecrets, createRedactor } from './dispatcher/redact.ts';
import { createHttpAgent, createSender } from './dispatcher/send.ts';
import { createPrepare } from './dispatcher/targets.ts';
import { createBacklogWatch, type BacklogWatch } from './observability/backlog-watch.ts';
import { addGauges } from './observability/gauges.ts';
import { createMetrics, type Metrics } from './observability/metrics.ts';
import { observedStore } from './observability/observed-store.ts';
import { createOpscoreHealth } from './observability/opscore-health.ts';
import { startTracing } from './observability/start-tracing.ts';
import { startRetention } from './outbox/retention.ts';
import { LEASE_MARGIN_MS, Worker } from './outbox/worker.ts';
import { countingStore } from './overview/counting-store.ts';
import { createOverview } from './overview/overview.ts';
import { Rates } from './overview/rates.ts';
import { createDeregistration } from './registry/deregistration.ts';
import { createLiveness } from './registry/liveness.ts';
import { createPausing } from './registry/pausing.ts';
import { createReachability } from './registry/reachability.ts';
import { createRegistry } from './registry/registry.ts';
import { createReturning } from './registry/returning.ts';
import { dispatchFailedReport } from './report/state-report.ts';
import { openStore } from './store/open.ts';
import type { Store } from './store/store.ts';
import { createTasks } from './tasks/tasks.ts';
import type { PreviousSecret } from './webhook/sign.ts';

export interface Service {
  readonly app: FastifyInstance;
  readonly store: Store;
  readonly backlog: BacklogWatch;
  readonly metrics: Metrics;
  /** Where it listens, once `listen` has resolved. */
  readonly url: () => string;
  listen(): Promise<void>;
  /** Stop accepting, stop claiming, drain what is in flight, close the store; within SHUTDOWN_GRACE. */
  close(): Promise<void>;
}

/** Of SHUTDOWN_GRACE, what recording the last attempts and closing the store may take. */
const CLOSE_MARGIN_MS = 500;

const { version } = JSON.parse(
  readFileSync(new URL('../package.json', import.meta.url), 'utf8'),
) as { version: string };

/** Puts the parts together: config → store → worker → app. */
export async function createService(
  config: Config,
  log: FastifyBaseLogger,
  givenClock?: Clock,
): Promise<Service> {
  const metrics = createMetrics();
  const opened = await openStore(config, log, metrics.batchWritten);
  const clock = givenClock ?? opened.clock;
  const rates = new Rates(clock);
  const store = countingStore(observedStore(opened.store, metrics), rates);
  const attemptTimeout = Math.max(config.dispatchTimeout, config.webhookTimeout);
  // Not our own timeout: whoever held the leases may have been started with a longer one.
  await store.outbox.recover(clock.now(), LONGEST_ATTEMPT_MS + LEASE_MARGIN_MS);

  let listening: readonly AddressInfo[] = [];
  const guard = createEgressGuard({
    allow: config.egressAllow,
    self: () => listening,
    onBlocked: (details) => {
      metrics.egressBlocked();
      log.warn(details, 'an address that agents may not live at was refused');
    },
  });
  const agentHttp = createHttpAgent(guard.connector(config.dispatchTimeout));
  const opscoreHttp = createHttpAgent();
  const redact = createRedactor(configuredSecrets(config));
  const tracing = await startTracing(config.tracing, {
    log,
    version,
    instance: store.replica.id,
    redact,
  });
  const agentSender = createSender(agentHttp, clock, redact);
  const opscoreSender = createSender(opscoreHttp, clock, redact);

  const notifications = {
    webhooks: config.webhook !== undefined,
    stateReports: config.opscoreApi !== undefined,
  };
  const opscoreHealth = createOpscoreHealth(notifications.webhooks || notifications.stateReports);
  const previousSecret = await previousWebhookSecret(config, store, clock);
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
        previousWebhookSecret: previousSecret,
        tracing,
        getAgent: (agentId) => store.agents.get(agentId),
      }),
      reportOf: (task) =>
        notifications.stateReports
          ? dispatchFailedReport(task, clock.now(), clock.wall())
          : undefined,
      noteDispatch: (agentId, result, probe) => reachability.note(agentId, result, probe),
      probeInterval: config.probeInterval,
      observer: {
        attempted: ({ kind }, attempt) => {
          metrics.attempted(kind, attempt);
          opscoreHealth.note(kind, attempt);
        },
        ended: metrics.finished,
      },
      interrupt: () => {
        agentSender.interrupt();
        opscoreSender.interrupt();
      },
    },
    {
      owner: store.replica.id,
      agentConcurrency: config.agentConcurrency,
      maxConcurrency: config.maxConcurrency,
      attemptTimeout,
    },
  );
  store.replica.listen({
    onDue: () => worker.wake(),
    onHeld: (lane) => {
      worker.releaseLane(lane).catch((error: unknown) => {
        log.error(
          { err: error, lane },
          'leases could not be given back; they expire by themselves',
        );
      });
    },
    onCancelled: (taskId) => worker.drop(taskId),
  });
  const returning = createReturning({ store, clock, log, worker });
  const onReturn = (agentId: string) => void returning.welcome(agentId);
  const reachability = createReachability({
    store,
    clock,
    log,
    worker,
    onReturn,
    onBreaker: metrics.breakerIs,
    probeInterval: config.probeInterval,
  });
  const keyring = await createKeyring({ store, clock, configured: config.apiKeys });
  if (keyring.isOpen()) refuseExposure(config);
  const deregistration = createDeregistration({
    store,
    clock,
    notifications,
    worker,
    forgetTokens: () => keyring.forget(),
    onTasksEnded: (outcome, count) => metrics.finishedTogether('task', outcome, count),
  });
  const liveness = createLiveness({
    store,
    clock,
    log,
    deregistration,
    worker,
    onOffline: metrics.leaseMissed,
    agentExpiry: config.agentExpiry,
  });
  const registry = createRegistry({
    store,
    clock,
    webhooks: notifications.webhooks,
    isUrlBlocked: (url) => guard.isUrlBlocked(url),
    secretOverlap: config.secretOverlap,
    onChange: (agent) => {
      reachability.reset(agent.agentId);
      liveness.watch(agent);
      worker.wake();
    },
    onReturn,
  });
  const tasks = createTasks({
    store,
    clock,
    worker,
    queueLimit: config.agentQueueLimit,
    observer: {
      taskAccepted: metrics.taskAccepted,
      taskCancelled: () => metrics.finished('task', 'cancelled'),
    },
  });
  const replays = createReplays({ store, clock, log, worker, observer: metrics });
  const backlog = createBacklogWatch({ store, clock, log });
  addGauges(
    metrics.registry,
    {
      clock,
      latestGlance: () => backlog.latest(),
      inFlight: () => worker.inFlight(),
      replicas: () => store.replica.count(),
      isOpscoreFailing: () => opscoreHealth.state() === 'failing',
    },
    { version, store: config.database.kind },
  );
  const app = await buildApp({
    registry,
    deregistration,
    tasks,
    deliveries: createDeliveries({
      store,
      clock,
      log,
      worker,
      onCancelled: (kind) => metrics.finished(kind, 'cancelled'),
    }),
    replays,
    pausing: createPausing({ store, clock, log, worker }),
    pingWebhook: createPing({
      webhook: config.webhook,
      previousSecret,
      timeoutMs: config.webhookTimeout,
      clock,
      sender: opscoreSender,
    }),
    overview: createOverview({ store, clock, rates, targets: notifications }),
    store,
    metrics,
    opscoreHealth,
    tracing,
    clock,
    log,
    version,
    keyring,
    config,
  });
  const retention = startRetention({ store, clock, log }, config);
  let url = '';

  return {
    app,
    store,
    backlog,
    metrics,
    url: () => url,
    listen: async () => {
      url = await app.listen({ host: config.host, port: config.port });
      listening = app.addresses().filter((address) => typeof address !== 'string');
      worker.start();
      await deregistration.resume();
      liveness.start();
      replays.start();
      backlog.start();
    },
    close: async () => {
      const deadline = performance.now() + config.shutdownGrace - CLOSE_MARGIN_MS;
      // Whoever is still sending a request by then may not take the drain time of the attempts as well.
      const hangUp = setTimeout(() => app.server.closeAllConnections(), config.shutdownGrace / 2);
      await app.close();
      clearTimeout(hangUp);
      await backlog.stop();
      await replays.stop();
      await retention.stop();
      await liveness.stop();
      await worker.stop(Math.max(0, deadline - performance.now()));
      await Promise.all([agentHttp.close(), opscoreHttp.close()]);
      // Spans are worth less than what was promised: they have what is left of the grace.
      await Promise.all([store.close(), tracing.stop(deadline - performance.now())]);
    },
  };
}

/** Open mode is for one's own machine: elsewhere everybody who reaches the port could do everything. */
function refuseExposure(config: Config): void {
  if (isLoopback(config.host) || config.allowAnonymous) return;
  throw new ConfigError(
    `HOST: got "${config.host}" without any key, which would let everybody who reaches it do everything; ` +
      'takes a loopback address, or set AGENTKIT_API_KEYS (or, knowing what it means, AGENTKIT_ALLOW_ANONYMOUS=true)',
  );
}

/** The overlap of a replaced webhook secret is counted from the first start with the new one. */
async function previousWebhookSecret(
  config: Config,
  store: Store,
  clock: Clock,
): Promise<PreviousSecret | null> {
  if (config.webhook === undefined) return null;
  const { secret, previousSecret, switchAt } = config.webhook;
  // 32 bits tell a change; they do not let whoever has the database check a guess.
  const fingerprint = createHash('sha256').update(secret).digest('hex').slice(0, 8);
  const since = await store.firstSeen('OPSCORE_WEBHOOK_SECRET', fingerprint, clock.wall());
  if (previousSecret === undefined) return null;
  return {
    secret: previousSecret,
    until: since + config.secretOverlap,
    hexUntil: switchAt ?? since,
  };
}
