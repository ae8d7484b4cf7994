import type { PreviousSecret } from '../webhook/sign.ts';
import type { Scope } from '../auth/principal.ts';
import type {
  Attempt,
  DeliveryKind,
  DeliveryState,
  LeasedDelivery,
  NewDelivery,
} from '../outbox/delivery.ts';
import type { Backlog } from './backlog.ts';
import type { DeliveryStore, ReplayStore } from './delivery-store.ts';

/** The store cannot write (disk full, file gone, database away): nothing was accepted, and it may pass. */
export class StoreUnavailableError extends Error {
  override readonly name = 'StoreUnavailableError';
  readonly code = 'store_unavailable';
}

/**
 * What the domain asks of a database. Every method is one transaction, and a promise that resolves means that
 * it is committed and on disk. Expected outcomes are values; a rejection means that nothing was written.
 * One contract suite (test/store) runs against every implementation.
 */
export interface Store {
  readonly agents: AgentStore;
  readonly outbox: OutboxStore;
  readonly tasks: TaskStore;
  readonly deliveries: DeliveryStore;
  readonly replays: ReplayStore;
  readonly keys: KeyStore;
  readonly replica: Replica;
  /**
   * When a value was first told under a name: now, unless it is the value that is stored already.
   * By it a replaced secret's overlap is counted over restarts.
   */
  firstSeen(name: string, value: string, now: number): Promise<number>;
  /** What there is, of each thing counted up to `limit`: its cost is bounded by that, not by what there is. */
  backlog(limit: number): Promise<Backlog>;
  /** Resolves when a write goes through; rejects with the reason otherwise. For readiness. */
  readonly check: () => Promise<void>;
  readonly close: () => Promise<void>;
}

/** This process among those that share the database; the embedded store has one, which does everything. */
export interface Replica {
  /** Names it in leases; unique per start. */
  readonly id: string;
  /** How many are alive, this one included: what is capped per agent they share out among them. */
  count(): number;
  /**
   * Whether this replica does what one does at a time; it keeps the duty by asking again within `forMs`.
   * `ledAt`: when any replica last asked so with success before; null = none did, or there is no other.
   */
  lead(
    duty: string,
    now: number,
    forMs: number,
  ): Promise<{ readonly ledAt: number | null } | undefined>;
  /** What the others do that concerns this one's worker. Hints, beside polling; but `onCancelled` is certain. */
  listen(listener: ReplicaListener): void;
}

export interface ReplicaListener {
  /** Something may be due. */
  onDue(): void;
  /** A lane is held, or its agent is gone: what is not in flight is better given back. */
  onHeld(lane: string): void;
  /** A task was cancelled that this replica may hold: no attempt of it may start once this has returned. */
  onCancelled(taskId: string): void;
}

/**
 * `offline`: its lease was missed. `unreachable`: the circuit breaker is open. In both its tasks wait.
 * `deregistering`: it is leaving, and takes none.
 */
export type AgentStatus = 'online' | 'unreachable' | 'offline' | 'deregistering';

export interface Agent {
  readonly agentId: string;
  readonly agentName: string;
  readonly version: string;
  readonly contactEndpoint: string;
  readonly capabilities: readonly string[];
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly signingSecret: string;
  readonly previousSecret: PreviousSecret | null;
  /** The name of the key that registered it; null = it was registered without one. */
  readonly owner: string | null;
  readonly status: AgentStatus;
  /** Epoch milliseconds. */
  readonly registeredAt: number;
  readonly updatedAt: number;
  readonly lastSeenAt: number;
  /** It has to be heard of within each such period; null = it never expires. */
  readonly leaseSeconds: number | null;
  /** On the scheduling clock, like `offlineAt`. */
  readonly leaseExpiresAt: number | null;
  readonly offlineAt: number | null;
  readonly unreachableAt: number | null;
  /** An operator holds its tasks back, whatever its status; null = nobody does. Its lane follows it. */
  readonly pausedAt: number | null;
  /** The change (`AgentChange`) that made it what it is; heartbeats are none. */
  readonly revision: number;
}

/** What an agent proves itself with is kept as a hash; the one before it works for a while longer. */
export interface AgentToken {
  readonly hash: string;
  /** Until when a token that this one replaces stays valid. */
  readonly previousUntil: number;
}

export interface AgentFilter {
  /** The agent has all of these. */
  readonly capabilities?: readonly string[];
  /** The name starts with it. */
  readonly namePrefix?: string;
  readonly version?: string;
  readonly status?: string;
  /** The metadata has this key at the top. */
  readonly metadataKey?: string;
}

export interface Page<T> {
  readonly items: readonly T[];
  /** Where the next page starts; null at the end. */
  readonly next: string | null;
}

/** What happened to an agent, as Ops-Core may read it up. */
export type AgentEventType = 'registered' | 'updated' | 'status' | 'deregistered';

export interface AgentEvent {
  readonly seq: number;
  readonly type: AgentEventType;
  readonly at: number;
  readonly agentId: string;
  /** As it was after the event; null once deregistered. */
  readonly agent: Agent | null;
}

/** What a domain rule decided inside the transaction. */
export interface AgentChange<T = undefined> {
  /** Handed through to the caller. */
  readonly result: T;
  /** Inserted, or updated when it was stored; absent = nothing is written. Its `revision` is set by the store. */
  readonly write?: Agent;
  /** Needed for an insert; on an update the agent otherwise keeps its token. */
  readonly token?: AgentToken;
  readonly event?: AgentEventType;
  readonly webhook?: NewDelivery | undefined;
  /** Until when the agent's tasks are held back: 0 = not, they are due at once; MAX_SAFE_INTEGER = without end. */
  readonly holdUntil?: number;
}

export interface AgentStore {
  /**
   * Reads one agent, lets `plan` decide, and writes what it says, in one transaction. `plan` is pure: it may run twice.
   * What it throws is passed on, and nothing is written. Resolves with the agent as it now is.
   */
  change<T>(
    ref: { readonly agentId: string } | { readonly agentName: string },
    plan: (stored: Agent | undefined) => AgentChange<T>,
  ): Promise<{ readonly agent: Agent | undefined; readonly result: T }>;
  get(agentId: string): Promise<Agent | undefined>;
  /** In the order of registration; by name where `namePrefix` is given. */
  list(filter: AgentFilter, page: { limit: number; after: string | null }): Promise<Page<Agent>>;
  /** The agent whose valid token has this hash. */
  findByTokenHash(hash: string, now: number): Promise<string | undefined>;
  /** Renews the lease of an agent that is not offline; `offline` and `not_found` write nothing. */
  heartbeat(agentId: string, at: number): Promise<Agent | 'offline' | 'not_found'>;
  /** Agents whose lease has ended at `now` and that are not offline yet, the longest overdue first. */
  listExpired(now: number, limit: number): Promise<readonly string[]>;
  /** Agents that went offline at `at` or earlier, the earliest first. */
  listOfflineSince(at: number, limit: number): Promise<readonly string[]>;
  /** When the next lease ends, or the next agent that is offline has been so for `offlineMs`; null = never. */
  nextExpiryAt(offlineMs: number): Promise<number | null>;
  /**
   * After nobody could hear a heartbeat, or the clock jumped: every lease ends a full period after `now`, and the time
   * offline counts from `now`. Changes up to `limit` of each; returns how many, 0 once there are none left.
   */
  grantGrace(now: number, limit: number): Promise<number>;
  /** Events after `since`, oldest first; `expired` when some after it have been pruned. */
  listEvents(since: number, limit: number): Promise<readonly AgentEvent[] | 'expired'>;
  /** The seq of the last event: it changes exactly when something about agents does. */
  lastEvent(): Promise<number>;
  /** Deletes up to `limit` events from before `before`, from the oldest on; returns how many. */
  pruneEvents(before: number, limit: number): Promise<number>;
  /**
   * One step of a deregistration: ends up to `limit` of the agent's waiting tasks, and stores `reportOf` each.
   * When none is left the agent goes, and `webhookOf` is stored, all in that same transaction; until then it is
   * `deregistering` and takes no tasks.
   */
  remove(
    agentId: string,
    plan: {
      readonly at: number;
      readonly limit: number;
      /** The worker that asks. What it has leased and not sent waits like the rest; without it, all leases stay. */
      readonly holder?: LeaseHolder;
      /** Asked inside the transaction; when it says no, nothing is done. */
      applies(agent: Agent): boolean;
      /** How its waiting tasks end. */
      readonly tasks: { readonly state: 'cancelled' | 'dead'; readonly lastError: string };
      reportOf(task: StoredTask): NewDelivery | undefined;
      webhookOf(agent: Agent): NewDelivery | undefined;
    },
  ): Promise<{ readonly agent: Agent; readonly done: boolean } | undefined>;
  /** Agents whose deregistration a crash interrupted. */
  listDeregistering(): Promise<readonly string[]>;
}

/** A stored task with its bytes, as needed to report its end. */
export interface StoredTask {
  readonly id: string;
  readonly agentId: string;
  readonly attemptCount: number;
  readonly lastError: string | null;
  readonly body: Uint8Array;
}

/** A delivery as it is listed and shown. */
export interface DeliveryRecord {
  readonly id: string;
  readonly kind: DeliveryKind;
  readonly agentId: string;
  readonly name: string;
  readonly state: DeliveryState;
  readonly attemptCount: number;
  readonly createdAt: number;
  readonly finishedAt: number | null;
  /** When the next attempt is due; null once final, and while a worker holds it. */
  readonly nextAttemptAt: number | null;
  readonly lastError: string | null;
  /** The class of its last attempt, or why it waits or ended without one; null once delivered, and before the first. */
  readonly errorClass: string | null;
}

export interface Idempotency {
  readonly key: string;
  /** SHA-256 of the body. */
  readonly bodyHash: string;
}

export type InsertTaskResult =
  /** `leased`: with the lease that was asked for; not, when the agent's tasks are held back. */
  | { readonly outcome: 'inserted'; readonly seq: number; readonly leased: boolean }
  | { readonly outcome: 'repeated'; readonly taskId: string }
  | { readonly outcome: 'idempotency_conflict' }
  | { readonly outcome: 'agent_not_found' }
  | { readonly outcome: 'queue_full' };

export interface TaskStore {
  /**
   * Stores a task. With a lease it is born in the hands of the worker that asked (epoch 1), and nobody else
   * takes it before the lease ends. `queue_full`: `queueLimit` tasks are waiting for the agent.
   */
  insert(
    task: NewDelivery,
    options: {
      readonly lease: Lease | undefined;
      readonly idempotency: Idempotency | undefined;
      readonly queueLimit: number;
    },
  ): Promise<InsertTaskResult>;
  get(
    taskId: string,
  ): Promise<{ record: DeliveryRecord; attempts: readonly Attempt[] } | undefined>;
  /** Newest first. */
  listOfAgent(
    agentId: string,
    page: { limit: number; before: string | null; state?: DeliveryState },
  ): Promise<Page<DeliveryRecord>>;
  /**
   * After this resolves with `cancelled`, no worker gets the task any more, and none of another replica starts an
   * attempt. The caller tells the worker of this one (`Worker.drop`).
   */
  cancel(taskId: string, at: number): Promise<'cancelled' | 'finished' | 'not_found'>;
}

/** An API key; of the key itself only the hash is kept. */
export interface ApiKey {
  readonly name: string;
  readonly scope: Scope;
  readonly hash: string;
  /** The start of the key, for people. */
  readonly prefix: string;
  readonly createdAt: number;
  /** Until when the key that this one replaced stays valid. */
  readonly previousUntil: number | null;
}

export interface KeyStore {
  insert(key: ApiKey): Promise<'inserted' | 'name_taken'>;
  list(): Promise<readonly ApiKey[]>;
  findByHash(hash: string, now: number): Promise<ApiKey | undefined>;
  rotate(
    name: string,
    next: { readonly hash: string; readonly prefix: string; readonly previousUntil: number },
  ): Promise<ApiKey | undefined>;
  /** `lastAdminStays`: the only one with the scope `admin` is not removed, however many are removed at once. */
  remove(
    name: string,
    options: { readonly lastAdminStays: boolean },
  ): Promise<'removed' | 'not_found' | 'last_admin'>;
}

/** A worker as the store needs to know it: whose leases are whose, and which of them are only waiting. */
export interface LeaseHolder {
  readonly owner: string;
  /** An attempt of it has begun. */
  isSent(taskId: string): boolean;
}

export interface Lease {
  readonly owner: string;
  readonly until: number;
  /** Under this lease no attempt starts later; absent = until it ends. A cancel elsewhere waits no longer than that. */
  readonly startBy?: number;
}

export interface ClaimRequest {
  /** A lane that is held until a moment gives one delivery then, a probe, and is held for so long again. */
  readonly probeIntervalMs: number;
  readonly lease: Lease;
  readonly now: number;
  /** Deliveries to take in all. */
  readonly limit: number;
  /** Bytes of bodies after which no more is taken: what is held in memory stays bounded. */
  readonly maxBytes: number;
  /** How many more of a lane this worker takes now; 0 skips the lane. */
  capacityOf(lane: string): number;
}

export interface ClaimResult {
  readonly deliveries: readonly LeasedDelivery[];
  /** Lanes of which as much was taken as asked: more may be due in them. */
  readonly lanesWithMore: readonly string[];
  /** A limit was reached before all due lanes were looked at. */
  readonly more: boolean;
  /** When something not due yet becomes due; null when nothing waits for a time. */
  readonly nextDueAt: number | null;
}

/** What a worker has to say of a delivery that it holds. */
export type Completion = {
  readonly seq: number;
  readonly epoch: number;
  readonly lane: string;
  readonly attempt?: Attempt;
  readonly lastError: string | null;
  /** A probe of an open circuit breaker that failed: it does not count against the retry schedule. */
  readonly unburnt?: boolean;
  /** Stored in the same transaction, when the completion is not stale: the report of a dead letter. */
  readonly followUp?: NewDelivery;
} & (
  | { readonly state: 'delivered' | 'dead' | 'cancelled'; readonly finishedAt: number }
  | { readonly state: 'scheduled'; readonly dueAt: number }
);

export interface OutboxStore {
  claim(request: ClaimRequest): Promise<ClaimResult>;
  /** `stale`: the epoch is not the current one, or the delivery was cancelled meanwhile; its state stays. */
  complete(completion: Completion): Promise<'done' | 'stale'>;
  /** Gives leases back without an attempt; they are due at once. Stale ones are passed over. */
  release(
    leases: readonly { seq: number; epoch: number; lane: string }[],
    now: number,
  ): Promise<void>;
  /** Gives every lease of dead workers back at once, where the store knows them to be dead; elsewhere they run out. */
  recover(now: number, longestLeaseMs: number): Promise<number>;
  /** Deletes up to `limit` final deliveries and what belongs to them; resumes after `cursor`. */
  prune(request: {
    readonly finishedBefore: number;
    readonly deadBefore: number;
    readonly limit: number;
    readonly cursor: number;
  }): Promise<{ readonly deleted: number; readonly cursor: number | null }>;
}
