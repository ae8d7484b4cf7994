import type { Clock } from '../clock.ts';
import { COUNT_LIMIT, type Backlog } from '../store/backlog.ts';
import type { Replay } from '../store/delivery-store.ts';
import type { Failing } from '../store/failing.ts';
import type { Store } from '../store/store.ts';
import type { RateHistory, Rates } from './rates.ts';

/** How everything stands: what an operator sees first. */
export interface Overview {
  /** On the wall clock. */
  readonly at: number;
  readonly replicas: number;
  readonly targets: Targets;
  /** Of this process. */
  readonly rates: RateHistory;
  readonly backlog: Backlog;
  readonly failing: readonly Failing[];
  /** Those that run. */
  readonly replays: readonly Replay[];
}

/** Where deliveries to Ops-Core go to is configured. */
export interface Targets {
  readonly webhooks: boolean;
  readonly stateReports: boolean;
}

interface Deps {
  readonly store: Pick<Store, 'backlog' | 'deliveries' | 'replays' | 'replica'>;
  readonly clock: Clock;
  readonly rates: Rates;
  readonly targets: Targets;
}

/** One look at the store serves all who ask within so long. */
const FRESH_MS = 2_000;

/** Status codes are many; the rest is in the lists. */
const MOST_FAILING = 50;
const MOST_REPLAYS = 20;

type Look = Pick<Overview, 'backlog' | 'failing'>;

/** Tells how everything stands. Nothing is looked at unless somebody asks, and the store at most every two seconds. */
export function createOverview({ store, clock, rates, targets }: Deps): () => Promise<Overview> {
  let latest: { readonly at: number; readonly look: Promise<Look> } | undefined;

  async function look(): Promise<Look> {
    const [backlog, failing] = await Promise.all([
      store.backlog(COUNT_LIMIT),
      store.deliveries.failing(COUNT_LIMIT),
    ]);
    return { backlog, failing: failing.slice(0, MOST_FAILING) };
  }

  function fresh(): Promise<Look> {
    const now = clock.now();
    if (latest === undefined || Math.abs(now - latest.at) >= FRESH_MS) {
      const begun = { at: now, look: look() };
      latest = begun;
      // After one that failed the next who asks looks anew.
      begun.look.catch(() => {
        if (latest === begun) latest = undefined;
      });
    }
    return latest.look;
  }

  return async () => {
    const [{ backlog, failing }, replays] = await Promise.all([
      fresh(),
      store.replays.listRunning(),
    ]);
    return {
      at: clock.wall(),
      replicas: store.replica.count(),
      targets,
      rates: rates.history(),
      backlog,
      failing,
      replays: replays.slice(0, MOST_REPLAYS),
    };
  };
}
