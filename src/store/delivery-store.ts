import type { Attempt, DeliveryKind, DeliveryState } from '../outbox/delivery.ts';
import type { Failing } from './failing.ts';
import type { DeliveryRecord, Page } from './store.ts';

// What operators ask of the store: deliveries of every kind, and replays of many of them.

/** Conditions that a delivery meets all of. */
export interface DeliveryFilter {
  readonly kind?: DeliveryKind | undefined;
  readonly state?: DeliveryState | undefined;
  readonly agentId?: string | undefined;
  readonly errorClass?: string | undefined;
  /** Accepted at this moment or later; before this one. Epoch milliseconds. */
  readonly since?: number | undefined;
  readonly until?: number | undefined;
}

/** A delivery with its attempts, and what keeps it. */
export interface DeliveryDetail {
  readonly record: DeliveryRecord;
  readonly attempts: readonly Attempt[];
  /** Bytes of its body. */
  readonly bytes: number;
  readonly traceparent: string | null;
  /** The delivery of its ordered lane that is sent first; null where that is itself, or there is no order. */
  readonly behind: string | null;
}

/**
 * - `scheduled`: it is due now, with its whole retry schedule before it
 * - `under_way`: a worker has it already; nothing was changed
 * - `delivered`: it was delivered, and sending it again was not asked for
 * - `superseded`: a later webhook of its agent was delivered, which this one would undo
 * - `busy`: a later delivery of its lane is being sent: whether it comes too late shows in a moment
 * - `agent_gone`: nobody would take the task
 */
export type RetryOutcome =
  'scheduled' | 'under_way' | 'delivered' | 'superseded' | 'busy' | 'agent_gone' | 'not_found';

export interface DeliveryStore {
  /**
   * The last accepted first. A page costs what is on it where an index answers the filter; otherwise it looks at a
   * bounded number of deliveries, and may be short, or empty, although `next` leads on.
   */
  list(
    filter: DeliveryFilter,
    page: { readonly limit: number; readonly before: string | null },
  ): Promise<Page<DeliveryRecord>>;
  get(id: string): Promise<DeliveryDetail | undefined>;
  /** What fails and why, the most first; of each error class up to `limit` are looked at, which bounds what it costs. */
  failing(limit: number): Promise<readonly Failing[]>;
  /** `force`: also one that was delivered. */
  retry(
    id: string,
    options: { readonly now: number; readonly force: boolean },
  ): Promise<RetryOutcome>;
  /**
   * Ends a waiting webhook or state report; a task is cancelled by `TaskStore.cancel`. `busy`: a worker has it, and the
   * next of its lane may not start beside it.
   */
  cancel(id: string, at: number): Promise<'cancelled' | 'finished' | 'busy' | 'not_found'>;
  /**
   * Makes up to `limit` deliveries of an unordered lane due now that wait for their next attempt, the soonest first;
   * returns how many.
   */
  pullForward(lane: string, now: number, limit: number): Promise<number>;
}

/** Which dead letters; what died after the replay was made is none of them. */
export type ReplayFilter = Omit<DeliveryFilter, 'state'>;

/** `running` until every dead letter had its turn (`done`), or it was stopped (`cancelled`). */
export type ReplayState = 'running' | 'done' | 'cancelled';

export interface Replay {
  readonly id: string;
  readonly state: ReplayState;
  readonly filter: ReplayFilter;
  readonly createdAt: number;
  /** The name of the key that asked for it; null = none. */
  readonly createdBy: string | null;
  readonly finishedAt: number | null;
  /** Dead letters that matched when it was made. */
  readonly total: number;
  /** Of these, scheduled again; and left as they are, since nobody would take them or they come too late. */
  readonly replayed: number;
  readonly skipped: number;
}

export interface NewReplay {
  readonly id: string;
  readonly filter: ReplayFilter;
  readonly createdAt: number;
  readonly createdBy: string | null;
  readonly total: number;
}

export interface ReplayStore {
  /** Counts the dead letters of a filter, a bounded look at a time: `cursor` leads on, null at the end. */
  count(
    filter: ReplayFilter,
    look: { readonly diedBefore: number; readonly after: string | null },
  ): Promise<{ readonly matched: number; readonly cursor: string | null }>;
  insert(replay: NewReplay): Promise<Replay>;
  get(id: string): Promise<Replay | undefined>;
  /** The newest first. */
  list(page: { readonly limit: number; readonly before: string | null }): Promise<Page<Replay>>;
  /** Replays to go on with, the oldest first. */
  listRunning(): Promise<readonly Replay[]>;
  /**
   * One step of a running replay: up to `limit` dead letters have their turn, in the order of their acceptance, and that
   * they had it is written in the same transaction. So whoever goes on after a crash omits none and takes none twice.
   * `waiting`: it cannot go on just now, since some are `busy`. undefined: it does not run.
   */
  step(
    id: string,
    options: { readonly now: number; readonly limit: number },
  ): Promise<{ readonly replay: Replay; readonly waiting: boolean } | undefined>;
  cancel(id: string, at: number): Promise<'cancelled' | 'finished' | 'not_found'>;
  /** Deletes up to `limit` replays that ended before `before`. */
  prune(before: number, limit: number): Promise<number>;
}
