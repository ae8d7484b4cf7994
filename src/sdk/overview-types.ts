import type { DeliveryKind, DeliveryState, ReplayRecord } from './delivery-types.ts';

/** `more`: there are at least so many. */
export interface Count {
  readonly count: number;
  readonly more: boolean;
}

/** `GET /v1/overview`: how everything stands, some seconds old at the most. */
export interface ServiceOverview {
  /** ISO 8601, UTC. */
  readonly at: string;
  readonly version: string;
  /** How many run on this database. */
  readonly replicas: number;
  /** What of Ops-Core is configured. */
  readonly targets: { readonly webhooks: boolean; readonly stateReports: boolean };
  /** Of the process that answered: counts in steps, the oldest first. */
  readonly rates: {
    readonly stepSeconds: number;
    readonly accepted: readonly number[];
    readonly delivered: readonly number[];
    readonly failed: readonly number[];
  };
  readonly kinds: readonly {
    readonly kind: DeliveryKind;
    readonly pending: Count;
    readonly dead: Count;
    /** ISO 8601, UTC: when the oldest that is pending was accepted. */
    readonly oldestPendingAt: string | null;
  }[];
  readonly failing: readonly FailingDeliveries[];
  /** How many agents are in each status. */
  readonly agents: Readonly<Record<string, Count>>;
  readonly paused: Count;
  /** Those that run. */
  readonly replays: readonly ReplayRecord[];
}

/** What failed alike at its last attempt, and was not delivered since. */
export interface FailingDeliveries extends Count {
  readonly kind: DeliveryKind;
  /** `scheduled`: it is tried again. */
  readonly state: DeliveryState;
  readonly errorClass: string;
  /** `http_503`, `unreachable`, ... */
  readonly lastError: string | null;
  /** ISO 8601, UTC: when the oldest of them was accepted. */
  readonly oldestAt: string;
}
