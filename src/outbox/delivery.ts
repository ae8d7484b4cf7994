/**
 * Times of deliveries are epoch milliseconds on the scheduling clock (clock.ts) unless they say otherwise.
 *
 * A delivery is anything that the service sends: bytes, a target, a retry schedule, a state.
 * `webhook` and `state_report` go to Ops-Core, `task` goes to an agent.
 */
export type DeliveryKind = 'webhook' | 'task' | 'state_report';

/** docs/architecture.md draws the state machine. `dead` = a dead letter; the last three are final. */
export type DeliveryState = 'scheduled' | 'delivered' | 'dead' | 'cancelled';

/** A delivery before it is stored; the store gives it its place (`seq`). */
export interface NewDelivery {
  /** UUIDv7: the taskId, the webhook-id. Stable over retries. */
  readonly id: string;
  readonly kind: DeliveryKind;
  readonly agentId: string;
  readonly lane: string;
  /** What people know it by: the task's name, `REGISTER`, the reported state. */
  readonly name: string;
  readonly createdAt: number;
  /** When the first attempt may start. */
  readonly dueAt: number;
  readonly body: Uint8Array;
  /** W3C trace context (dispatcher/traceparent.ts), sent on with each attempt; null where there is none. */
  readonly traceparent: string | null;
}

/** What a worker holds: the delivery under a lease. */
export interface LeasedDelivery extends NewDelivery {
  readonly seq: number;
  /** Grows with each lease; a completion with a stale epoch changes nothing (fencing). */
  readonly epoch: number;
  /** Attempts recorded so far. */
  readonly attemptCount: number;
  /** Of these, the ones that do not count against the retry schedule. */
  readonly unburntCount: number;
  /** The one delivery by which a held lane is tried. */
  readonly probe: boolean;
  /** On the scheduling clock; past it any worker may take the delivery. */
  readonly leaseUntil: number;
}

/** How one attempt ended, for the record: all numbers in milliseconds, `startedAt` on the wall clock. */
export interface Attempt {
  readonly number: number;
  readonly startedAt: number;
  readonly durationMs: number;
  readonly outcome: AttemptOutcome;
  readonly statusCode: number | null;
  readonly errorClass: ErrorClass | null;
  /** The first 4 KiB of the answer as text. */
  readonly responseExcerpt: string | null;
  /** After how long it had a connection, and an answer's status; null = it did not come so far, or nobody noted it. */
  readonly connectedMs: number | null;
  readonly answeredMs: number | null;
  /** Of the traceparent that was sent with it. */
  readonly spanId: string | null;
}

/** `delivered` = any 2xx; `retry` = another attempt follows; `failed` = it was the last one. */
export type AttemptOutcome = 'delivered' | 'retry' | 'failed';

/** Why an attempt got no usable answer. `http_status` = it got one that is not 2xx. */
export type ErrorClass =
  | 'http_status'
  | 'timeout'
  | 'connection_refused'
  | 'connection_reset'
  | 'dns'
  | 'tls'
  | 'blocked_address'
  | 'interrupted'
  | 'network';

/** The lane of a delivery: what is claimed together, and what caps and order are kept by. */
export function laneOf(kind: DeliveryKind, agentId: string): string {
  return `${kind}:${agentId}`;
}

/** Webhooks and state reports of one agent arrive in order, one in flight; tasks side by side. */
export function isOrdered(lane: string): boolean {
  return !lane.startsWith('task:');
}

/** The trace that a delivery belongs to (W3C Trace Context: version, trace, span, flags); undefined = none. */
export function traceIdOf(traceparent: string | null): string | undefined {
  return traceparent?.slice(3, 35);
}
