import type { Arrival, History, StoredDelivery } from './history.ts';
import type { Index } from './index-of.ts';
import type { Finding } from './oracle.ts';

/** What happened, and nobody asked for it so. */
export function unexpected(history: History, index: Index): Finding[] {
  const findings: Finding[] = [];
  for (const arrival of history.arrivals) {
    const what = wrongWith(arrival, index);
    if (what !== undefined) findings.push({ subject: arrival.key ?? arrival.id, what });
  }
  for (const row of history.stored) {
    const operation = index.operation(row.key);
    if (operation === undefined || operation.outcome === 'untold') {
      findings.push({ subject: row.key ?? row.id, what: 'is stored, and nobody asked for it' });
    } else if (operation.outcome === 'refused') {
      findings.push({ subject: operation.key, what: 'was refused, and is stored' });
    }
  }
  for (const { key, ids } of history.operations) {
    const stored = index.rowsOf(key).map(({ id }) => id);
    const all = new Set([...stored, ...ids]);
    if (all.size > 1) {
      findings.push({ subject: key, what: `is several deliveries: ${[...all].join(', ')}` });
    }
  }
  return [...findings, ...afterCancel(history, index), ...eventsWithoutState(history, index)];
}

function wrongWith(arrival: Arrival, index: Index): string | undefined {
  const { id, body, verified } = arrival;
  if (!verified) return 'arrived with a wrong signature';
  const operation = index.operation(arrival.key);
  if (operation === undefined) return 'arrived, and nobody asked for it';
  if (operation.body !== undefined && operation.body !== body) return 'arrived with other bytes';
  if (index.row(id)?.key !== operation.key) return `arrived as ${id}, which is not in the database`;
  return undefined;
}

/**
 * No attempt starts after an acknowledged cancel. When one started is told by its record, since what was under way when
 * the cancel was answered may arrive a moment later; so every arrival has to have one.
 */
function afterCancel({ operations, arrivals, interruptions }: History, index: Index): Finding[] {
  const arrived = Map.groupBy(arrivals, ({ id }) => id);
  return operations.flatMap(({ key, cancel }) => {
    if (cancel?.outcome !== 'acknowledged') return [];
    return index.rowsOf(key).flatMap(({ id, state, startedAt }): Finding[] => {
      const late = startedAt.filter((at) => at > cancel.at).length;
      const times = arrived.get(id)?.length ?? 0;
      const found = [
        ...(state === 'cancelled' ? [] : [`was cancelled, and ended as ${state}`]),
        ...(late === 0 ? [] : [`was sent ${late} times after its cancel was acknowledged`]),
        ...(times <= startedAt.length || interruptions.length > 0
          ? []
          : [`was cancelled, arrived ${times} times, and was sent ${startedAt.length} times`]),
      ];
      return found.map((what) => ({ subject: key, what }));
    });
  });
}

/** The last event that an agent caused says how it stands in the database. */
function eventsWithoutState({ stored, agents }: History, index: Index): Finding[] {
  if (agents === undefined) return [];
  const last = new Map<string, StoredDelivery>();
  for (const row of stored) {
    const agent = index.operation(row.key)?.order?.agent;
    if (agent !== undefined && row.seq > (last.get(agent)?.seq ?? -1)) last.set(agent, row);
  }
  const standing = new Map(agents.map(({ agent, key }) => [agent, key]));
  const findings: Finding[] = [];
  for (const [agent, { key }] of last) {
    const removes = index.operation(key)?.order?.removes === true;
    const expected = removes ? undefined : key;
    const found = standing.get(agent);
    if (found === expected) continue;
    const what = `its last event is ${String(key)}, and it is registered as ${found ?? 'nothing'}`;
    findings.push({ subject: agent, what });
  }
  return findings;
}
