/** What the oracle judges: what clients were told, what receivers got, what the database says in the end. */
export interface History {
  readonly operations: readonly Operation[];
  readonly arrivals: readonly Arrival[];
  readonly interruptions: readonly Interruption[];
  /** Read when nothing is scheduled any more. */
  readonly stored: readonly StoredDelivery[];
  /** The agents that are registered in the end; only where registrations are among the operations. */
  readonly agents?: readonly StoredAgent[];
}

/**
 * Something that a client asked for, of which one delivery follows: a task, a registration, a change, a deregistration.
 * Its key is in the bytes that are sent for it. Times are of `performance.now()`.
 */
export interface Operation {
  /** Each operation has another one; a request that got no answer is repeated with the same. */
  readonly key: string;
  /** The bytes that arrive for it, where the client determines them. */
  readonly body?: string;
  /** Of an agent's webhooks: the client asks for one after the other. */
  readonly order?: { readonly agent: string; readonly place: number; readonly removes: boolean };
  /**
   * `untold`: no request has left. `unknown`: it may have happened (no answer, or a 5xx). `refused`: a 4xx.
   * `acknowledged`: a 2xx.
   */
  outcome: 'untold' | 'unknown' | 'acknowledged' | 'refused';
  /** The ids that the acknowledgements named. */
  readonly ids: Set<string>;
  /** When its cancel was answered, on the wall clock; `unknown` = it may have been cancelled. */
  cancel?: { readonly outcome: 'unknown' | 'acknowledged'; readonly at: number };
}

/** One request as a receiver got it, whole. */
export interface Arrival {
  /** `X-AgentKit-Task-Id`, or `webhook-id`. */
  readonly id: string;
  /** Of the operation that its bytes speak of; undefined = they speak of none. */
  readonly key: string | undefined;
  readonly body: string;
  readonly at: number;
  /** Its signature is right. */
  readonly verified: boolean;
  /** When it was answered with a 2xx, whether or not that answer reached anybody; undefined = it was not. */
  readonly acceptedAt: number | undefined;
}

/** A process was killed or stopped: what it had sent and not recorded may be sent once more. */
export interface Interruption {
  /** By then all that it had sent had been read. */
  readonly settledAt: number;
  /** Its name in leases. */
  readonly owner: string;
  /** Ids of the deliveries that were its own, and how many attempts of each were recorded. */
  readonly leased: ReadonlyMap<string, number>;
}

export interface StoredDelivery {
  readonly id: string;
  /** Of the operation that its bytes speak of. */
  readonly key: string | undefined;
  /** The order of acceptance. */
  readonly seq: number;
  readonly state: string;
  /** The attempts that were recorded of it: when they started, on the wall clock. */
  readonly startedAt: readonly number[];
}

export interface StoredAgent {
  readonly agent: string;
  readonly status: string;
  /** Of the operation that made it what it is. */
  readonly key: string;
}
