import type { ReplayRecord } from '../../src/sdk/delivery-types.ts';

/** What GET /v1/overview answers, and each event of GET /v1/events carries. */
export interface Overview {
  readonly at: string;
  readonly version: string;
  /** How many run; the rates are those of the one that answered. */
  readonly replicas: number;
  readonly targets: { readonly webhooks: boolean; readonly stateReports: boolean };
  readonly rates: Rates;
  readonly kinds: readonly KindOverview[];
  readonly failing: readonly Failing[];
  readonly agents: Readonly<Record<string, Counted>>;
  readonly paused: Counted;
  readonly replays: readonly ReplayRecord[];
}

/** Ended at a bound where there is `more`. */
export interface Counted {
  readonly count: number;
  readonly more: boolean;
}

/** Events in each step of so many seconds, the last of which has not ended. */
export interface Rates {
  readonly stepSeconds: number;
  readonly accepted: readonly number[];
  readonly delivered: readonly number[];
  readonly failed: readonly number[];
}

export interface KindOverview {
  readonly kind: string;
  readonly pending: Counted;
  readonly dead: Counted;
  readonly oldestPendingAt: string | null;
}

/** Deliveries that failed alike and were not delivered since. */
export interface Failing {
  readonly kind: string;
  readonly state: string;
  readonly errorClass: string | null;
  readonly lastError: string | null;
  readonly count: number;
  readonly more: boolean;
  readonly oldestAt: string;
}
