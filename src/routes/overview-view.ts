import type { Overview } from '../overview/overview.ts';
import { STEP_SECONDS } from '../overview/rates.ts';
import { DELIVERY_KINDS } from '../store/backlog.ts';
import { replayView } from './delivery-views.ts';
import { isoOrNull } from './views.ts';

/** How everything stands, as callers see it. */
export function overviewView(overview: Overview, version: string) {
  const { at, replicas, targets, rates, backlog, failing, replays } = overview;
  return {
    at: new Date(at).toISOString(),
    version,
    replicas,
    targets,
    rates: {
      stepSeconds: STEP_SECONDS,
      accepted: [...rates.accepted],
      delivered: [...rates.delivered],
      failed: [...rates.failed],
    },
    kinds: DELIVERY_KINDS.map((kind) => {
      const { pending, dead, oldestPendingAt } = backlog.kinds[kind];
      return { kind, pending, dead, oldestPendingAt: isoOrNull(oldestPendingAt) };
    }),
    failing: failing.map(({ count: { count, more }, oldestAt, ...rest }) => ({
      ...rest,
      count,
      more,
      oldestAt: new Date(oldestAt).toISOString(),
    })),
    agents: backlog.agents,
    paused: backlog.paused,
    replays: replays.map(replayView),
  };
}
