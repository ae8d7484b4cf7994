import type { History } from './history.ts';
import { cutOffs } from './in-flight.ts';
import type { Index } from './index-of.ts';
import type { Finding, Verdict } from './oracle.ts';

/** What was accepted more than once, and how much of that an interruption explains. */
export function duplicates(
  history: History,
  index: Index,
): Pick<Verdict, 'duplicated' | 'repeated' | 'inFlight'> {
  const inFlight = cutOffs(history);
  const duplicated: Finding[] = [];
  let repeated = 0;
  for (const { id, key, startedAt } of history.stored) {
    const accepted = index.acceptedOf(id);
    const again = accepted.length - 1;
    if (again < 1) continue;
    // One that was cut off and refused is no reason to accept another twice.
    const cut = (inFlight.get(id) ?? []).filter(({ acceptedAt }) => acceptedAt !== undefined);
    const allowed = Math.min(again, cut.length);
    repeated += allowed;
    if (again === allowed) continue;
    const at = accepted.map((arrival) => arrival.at.toFixed(0)).join(', ');
    const cutAt = cut.map((arrival) => arrival.at.toFixed(0)).join(', ') || 'none';
    const times = `arrived ${at}; of these cut off: ${cutAt}`;
    const what = `was accepted ${again + 1} times, with ${startedAt.length} attempts recorded (${times})`;
    duplicated.push({ subject: key ?? id, what });
  }
  const total = [...inFlight.values()].reduce((sum, arrivals) => sum + arrivals.length, 0);
  return { duplicated, repeated, inFlight: total };
}
