import type { Arrival, History, Interruption } from './history.ts';
import type { Index } from './index-of.ts';
import type { Finding, Verdict } from './oracle.ts';

/** What was accepted more than once, and how much of that an interruption explains. */
export function duplicates(
  { stored, arrivals, interruptions }: History,
  index: Index,
): Pick<Verdict, 'duplicated' | 'repeated' | 'inFlight'> {
  const inFlight = inFlightAt(interruptions, arrivals);
  const duplicated: Finding[] = [];
  let repeated = 0;
  for (const { id, key } of stored) {
    const again = index.acceptedOf(id).length - 1;
    if (again < 1) continue;
    const allowed = Math.min(again, inFlight.get(id) ?? 0);
    repeated += allowed;
    if (again === allowed) continue;
    const what = `was accepted ${again + 1} times, cut off ${inFlight.get(id) ?? 0} times`;
    duplicated.push({ subject: key ?? id, what: `${what} (${timesOf(id)})` });
  }
  /** For whoever looks for the cause: milliseconds of arrivals, and of interruptions that found it leased. */
  function timesOf(id: string): string {
    const came = index.acceptedOf(id).map(({ at }) => at.toFixed(0));
    const held = interruptions.filter(({ leased }) => leased.has(id));
    const cut = held.map(({ settledAt }) => settledAt.toFixed(0));
    return `arrived ${came.join(', ')}; interrupted ${cut.join(', ') || 'never'}`;
  }

  const total = [...inFlight.values()].reduce((sum, times) => sum + times, 0);
  return { duplicated, repeated, inFlight: total };
}

/**
 * How often each delivery was in flight at an interruption: the process held it, and it had arrived since the
 * interruption before. What was held and not sent is no excuse.
 */
function inFlightAt(
  interruptions: readonly Interruption[],
  arrivals: readonly Arrival[],
): Map<string, number> {
  const times = Map.groupBy(arrivals, ({ id }) => id);
  const counts = new Map<string, number>();
  for (const { leased, settledAt } of interruptions.toSorted((a, b) => a.settledAt - b.settledAt)) {
    for (const id of leased) {
      const arrived = times.get(id)?.filter(({ at }) => at <= settledAt).length ?? 0;
      const before = counts.get(id) ?? 0;
      if (arrived > before) counts.set(id, before + 1);
    }
  }
  return counts;
}
