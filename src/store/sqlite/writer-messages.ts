import type { Attempt, DeliveryKind, NewDelivery } from '../../outbox/delivery.ts';
import type { Completion, Idempotency, InsertTaskResult, Lease } from '../store.ts';

/**
 * A task, a result and a claimed delivery cross as rows, without the names of their fields: an object takes two to three
 * times as long to write and to read, which was 5 % of accepting a task. The body travels beside it; the lane of a task
 * follows from its agent.
 */
export type TaskRow = readonly [
  id: string,
  agentId: string,
  name: string,
  createdAt: number,
  dueAt: number,
  traceparent: string | null,
  queueLimit: number,
  leaseOwner: string | null,
  leaseUntil: number,
  idempotency: Idempotency | null,
];

export type CompletionRow = readonly [
  seq: number,
  epoch: number,
  lane: string,
  state: Completion['state'],
  /** When it ended; when it is due again, if it is scheduled. */
  at: number,
  lastError: string | null,
  errorClass: string | null,
  unburnt: boolean,
  attempt: AttemptRow | null,
  /** Its body travels beside it. */
  followUp: Omit<NewDelivery, 'body'> | null,
];

/** In the order of the columns into which complete.ts writes it. */
export type AttemptRow = readonly [
  number: number,
  startedAt: number,
  durationMs: number,
  outcome: Attempt['outcome'],
  statusCode: number | null,
  errorClass: Attempt['errorClass'],
  responseExcerpt: string | null,
  connectedMs: number | null,
  answeredMs: number | null,
  spanId: string | null,
];

export type ClaimedRow = readonly [
  seq: number,
  id: string,
  kind: DeliveryKind,
  agentId: string,
  lane: string,
  name: string,
  createdAt: number,
  dueAt: number,
  traceparent: string | null,
  epoch: number,
  attemptCount: number,
  unburntCount: number,
  probe: boolean,
];

/** What the writer thread does, and what it answers to each. Bodies of requests and results travel beside them. */
export interface Operations {
  readonly insertTask: { readonly request: TaskRow; readonly result: InsertTaskResult };
  readonly complete: { readonly request: CompletionRow; readonly result: 'done' | 'stale' };
  readonly claim: {
    readonly request: ClaimOfLanes;
    readonly result: {
      readonly deliveries: readonly ClaimedRow[];
      readonly lanesWithMore: readonly string[];
      readonly more: boolean;
      readonly nextDueAt: number | null;
    };
  };
  readonly release: {
    readonly request: {
      readonly leases: readonly { seq: number; epoch: number; lane: string }[];
      readonly now: number;
    };
    readonly result: null;
  };
  /** The other connection added or ended deliveries: the count of what waits in a lane follows. */
  readonly noteDepth: {
    readonly request: { readonly lane: string; readonly change: number };
    readonly result: null;
  };
}

export type OperationName = keyof Operations;

export interface ClaimOfLanes {
  readonly wanted: readonly WantedLane[];
  readonly lease: Lease;
  readonly now: number;
  readonly limit: number;
  readonly maxBytes: number;
  readonly probeIntervalMs: number;
}

/** A lane that may have something due, and how much of it is wanted. */
export interface WantedLane {
  readonly lane: string;
  readonly capacity: number;
}

/** One request, or one answer, of a batch. */
export interface Part<T> {
  readonly content: T;
  readonly bodies: readonly Uint8Array[];
}

export interface Request<Name extends OperationName = OperationName> {
  readonly name: Name;
  readonly request: Operations[Name]['request'];
}

/** A failure crosses without its class: a thread cannot hand over an instance. */
export type Answer =
  | { readonly value: unknown }
  | { readonly failure: { readonly message: string; readonly errcode: number | null } };

/**
 * A batch as it crosses between the threads: one JSON text, and all bodies one after the other in one buffer, which is
 * handed over. Cloning the objects as they are takes twice as long, and the clone of a small Buffer takes the whole pool
 * along that it lies in.
 */
export interface Message {
  readonly json: string;
  readonly bodies: ArrayBuffer;
}

export function encode(parts: readonly Part<unknown>[]): Message {
  let length = 0;
  for (const { bodies } of parts) for (const body of bodies) length += body.byteLength;
  const joined = new Uint8Array(length);
  let offset = 0;
  const flat = parts.map(({ content, bodies }) => {
    const part: unknown[] = [content];
    for (const body of bodies) {
      joined.set(body, offset);
      offset += body.byteLength;
      part.push(body.byteLength);
    }
    return part;
  });
  return { json: JSON.stringify(flat), bodies: joined.buffer };
}

/** The bodies share the memory of the message. */
export function decode<T>({ json, bodies }: Message): Part<T>[] {
  let offset = 0;
  return (JSON.parse(json) as [T, ...number[]][]).map((part) => {
    const own: Uint8Array[] = [];
    for (let index = 1; index < part.length; index += 1) {
      const length = part[index] as number;
      own.push(Buffer.from(bodies, offset, length));
      offset += length;
    }
    return { content: part[0], bodies: own };
  });
}
