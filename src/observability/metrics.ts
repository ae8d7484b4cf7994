import { Registry } from 'prom-client';
import type { ErrorCode } from '../errors.ts';
import type { Attempt, DeliveryKind, DeliveryState } from '../outbox/delivery.ts';
import { DELIVERY_KINDS } from '../store/backlog.ts';
import { addProcessMetrics } from './process-metrics.ts';
import { CounterFamily, HistogramFamily, type Distribution, type Tally } from './series.ts';

/** Seconds. */
const REQUEST_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10];
const ATTEMPT_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60];
/** From a local agent that is idle to the end of the longest schedule. */
const DELIVERY_BUCKETS = [
  0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30, 120, 600, 3_600, 21_600, 86_400,
];
const STORE_BUCKETS = [0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5];
const BATCH_BUCKETS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512];

const ALERTED: readonly ErrorCode[] = [
  'internal_error',
  'overloaded',
  'queue_full',
  'rate_limited',
  'store_unavailable',
];

/** The label of what no route answers. */
const NO_ROUTE = 'none';

export type Metrics = ReturnType<typeof createMetrics>;

/**
 * What the service counts of itself (docs/observability.md lists it, and a test compares). No label has values that
 * grow with agents, tasks or URLs. What is told on the way of a request or a task adds to a number and does nothing else.
 */
export function createMetrics() {
  const registry = new Registry();
  addProcessMetrics(registry);
  const counter = <Label extends string = never>(
    name: string,
    help: string,
    ...labelNames: Label[]
  ) => new CounterFamily<Label>({ name: `agentkit_${name}`, help, labelNames }, registry);
  const histogram = <Label extends string = never>(
    name: string,
    help: string,
    buckets: readonly number[],
    ...labelNames: Label[]
  ) =>
    new HistogramFamily<Label>({ name: `agentkit_${name}`, help, labelNames, buckets }, registry);

  const requests = histogram(
    'http_request_duration_seconds',
    'Requests answered, by route and class of status',
    REQUEST_BUCKETS,
    'method',
    'route',
    'status',
  );
  const errors = counter('http_errors_total', 'Answers that are errors, by error_code', 'code');
  const accepted = counter('tasks_accepted_total', 'Tasks stored').of();
  const finished = counter('deliveries_finished_total', 'Deliveries that ended', 'kind', 'outcome');
  const attempts = counter(
    'attempts_total',
    'Attempts that ended, by what follows and why',
    'kind',
    'outcome',
    'error',
  );
  const attemptTimes = histogram(
    'attempt_duration_seconds',
    'One attempt, from connecting to the last byte of the answer',
    ATTEMPT_BUCKETS,
    'kind',
  );
  const deliveryTimes = histogram(
    'delivery_duration_seconds',
    'From the acceptance of a delivery until it was delivered',
    DELIVERY_BUCKETS,
    'kind',
  );
  const breaker = counter(
    'breaker_transitions_total',
    'Circuit breakers of agents that opened or closed',
    'state',
  );
  const leasesMissed = counter('agent_leases_missed_total', 'Agents that went offline').of();
  const replays = counter('replays_total', 'Replays, by what happened to them', 'event');
  const replayed = counter(
    'replayed_deliveries_total',
    'Dead letters that had their turn in a replay',
    'outcome',
  );
  const egressBlocked = counter(
    'egress_blocked_total',
    'Addresses at which agents may not live, refused at registration or at connecting',
  ).of();
  const storeTimes = histogram(
    'store_operation_duration_seconds',
    'Calls of the store, from asking to the answer, which for a write is after its commit',
    STORE_BUCKETS,
    'operation',
  );
  const storeErrors = counter('store_errors_total', 'Calls of the store that failed', 'operation');
  const batchSize = histogram(
    'store_batch_size',
    'Writes that shared a transaction',
    BATCH_BUCKETS,
  ).of();

  // What alerts look at begins at 0: of a series that begins at 1 Prometheus sees no increase.
  for (const code of ALERTED) errors.of(code);
  for (const operation of ['tasks.insert', 'outbox.claim']) storeErrors.of(operation);
  for (const outcome of ['delivered', 'dead', 'cancelled']) {
    for (const kind of DELIVERY_KINDS) finished.of(kind, outcome);
  }
  for (const state of ['open', 'closed']) breaker.of(state);
  for (const outcome of ['replayed', 'skipped']) replayed.of(outcome);
  for (const event of ['begun', 'done', 'cancelled']) replays.of(event);

  // By a route's template: what no route answers is one series per method and status.
  const answers = new Map<string, Map<string, Distribution[]>>();
  const attemptsOf = new Map<string, Tally>();
  const byKind = new Map<DeliveryKind, { attempt: Distribution; delivery: Distribution }>(
    DELIVERY_KINDS.map((kind) => [
      kind,
      { attempt: attemptTimes.of(kind), delivery: deliveryTimes.of(kind) },
    ]),
  );

  return {
    registry,
    storeTimes,
    storeErrors,
    answered: (
      method: string,
      route: string | undefined,
      statusCode: number,
      seconds: number,
    ): void => {
      let routes = answers.get(method);
      if (routes === undefined) answers.set(method, (routes = new Map<string, Distribution[]>()));
      let byStatus = routes.get(route ?? NO_ROUTE);
      if (byStatus === undefined) routes.set(route ?? NO_ROUTE, (byStatus = []));
      const status = Math.floor(statusCode / 100);
      byStatus[status] ??= requests.of(method, route ?? NO_ROUTE, `${status}xx`);
      byStatus[status].observe(seconds);
    },
    answeredWithError: (code: ErrorCode) => errors.of(code).inc(),
    taskAccepted: () => accepted.inc(),
    attempted: (kind: DeliveryKind, { outcome, errorClass, durationMs }: Attempt): void => {
      const key = `${kind} ${outcome} ${errorClass}`;
      let tally = attemptsOf.get(key);
      if (tally === undefined) {
        tally = attempts.of(kind, outcome, errorClass ?? 'none');
        attemptsOf.set(key, tally);
      }
      tally.inc();
      byKind.get(kind)?.attempt.observe(durationMs / 1000);
    },
    /** `afterMs`: since it was accepted. */
    finished: (
      kind: DeliveryKind,
      outcome: Exclude<DeliveryState, 'scheduled'>,
      afterMs?: number,
    ): void => {
      finished.of(kind, outcome).inc();
      if (outcome === 'delivered' && afterMs !== undefined) {
        byKind.get(kind)?.delivery.observe(Math.max(0, afterMs) / 1000);
      }
    },
    /** Several at once, without a time. */
    finishedTogether: (kind: DeliveryKind, outcome: 'dead' | 'cancelled', count: number) =>
      finished.of(kind, outcome).inc(count),
    breakerIs: (state: 'open' | 'closed') => breaker.of(state).inc(),
    leaseMissed: () => leasesMissed.inc(),
    replay: (event: 'begun' | 'done' | 'cancelled') => replays.of(event).inc(),
    replayed: (counts: { readonly replayed: number; readonly skipped: number }): void => {
      replayed.of('replayed').inc(counts.replayed);
      replayed.of('skipped').inc(counts.skipped);
    },
    egressBlocked: () => egressBlocked.inc(),
    batchWritten: (size: number) => batchSize.observe(size),
  };
}
