import type { History } from './history.ts';
import type { Index } from './index-of.ts';
import type { Finding } from './oracle.ts';

/** The first acceptances of each agent's webhooks have to be in the order in which it caused them. */
export function inversions({ arrivals }: History, index: Index): Finding[] {
  const accepted = arrivals
    .flatMap(({ id, key, acceptedAt }) =>
      acceptedAt === undefined ? [] : [{ id, key, acceptedAt }],
    )
    .sort((a, b) => a.acceptedAt - b.acceptedAt);
  const findings: Finding[] = [];
  const seen = new Set<string>();
  const furthest = new Map<string, { readonly place: number; readonly key: string }>();
  for (const { id, key } of accepted) {
    const operation = index.operation(key);
    if (operation?.order === undefined || seen.has(id)) continue;
    seen.add(id);
    const { agent, place } = operation.order;
    const before = furthest.get(agent);
    if (before !== undefined && place < before.place) {
      findings.push({ subject: operation.key, what: `was first accepted after ${before.key}` });
    } else {
      furthest.set(agent, { place, key: operation.key });
    }
  }
  return findings;
}
