import type { Arrival, History } from './history.ts';

/**
 * What was in flight at interruptions: of each delivery the arrivals that were cut off. A process held it, and it had
 * arrived more often than attempts of it were recorded or had been cut off before. What was held and not sent is not.
 */
export function cutOffs({ interruptions, arrivals }: History): ReadonlyMap<string, Arrival[]> {
  const arrivalsOf = Map.groupBy(
    arrivals.toSorted((a, b) => a.at - b.at),
    ({ id }) => id,
  );
  const found = new Map<string, Arrival[]>();
  for (const { leased, settledAt } of interruptions.toSorted((a, b) => a.settledAt - b.settledAt)) {
    for (const [id, recorded] of leased) {
      const before = arrivalsOf.get(id)?.filter(({ at }) => at <= settledAt) ?? [];
      const earlier = found.get(id) ?? [];
      const last = before.at(-1);
      if (last === undefined || before.length <= recorded + earlier.length) continue;
      found.set(id, [...earlier, last]);
    }
  }
  return found;
}
