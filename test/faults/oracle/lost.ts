import type { History, Operation, StoredDelivery } from './history.ts';
import type { Index } from './index-of.ts';
import type { Finding } from './oracle.ts';

/** What was acknowledged, or was found in the database, and did not happen. */
export function lost({ operations, stored, agents = [] }: History, index: Index): Finding[] {
  const findings: Finding[] = [];
  for (const operation of operations) {
    const what = operation.outcome === 'acknowledged' ? missing(operation, index) : undefined;
    if (what !== undefined) findings.push({ subject: operation.key, what });
  }
  for (const row of stored) {
    const what = unfinished(row, index);
    if (what !== undefined) findings.push({ subject: row.key ?? row.id, what });
  }
  for (const { agent, key } of agents) {
    if (index.rowsOf(key).length === 0) {
      findings.push({
        subject: agent,
        what: `is registered as ${key}, and there is no event of it`,
      });
    }
  }
  return findings;
}

function missing({ key, ids }: Operation, index: Index): string | undefined {
  if (index.rowsOf(key).length === 0) return 'was acknowledged, and is not in the database';
  for (const id of ids) {
    if (index.row(id) === undefined)
      return `was acknowledged as ${id}, which is not in the database`;
  }
  return undefined;
}

/** What is in the database has to come through, whether or not its client ever heard of it. */
function unfinished({ id, key, state }: StoredDelivery, index: Index): string | undefined {
  if (state === 'scheduled') return 'is still scheduled after draining';
  if (state === 'dead') return 'ended as a dead letter';
  if (state === 'cancelled') {
    return index.operation(key)?.cancel === undefined ? 'was cancelled by nobody' : undefined;
  }
  return index.acceptedOf(id).length === 0
    ? 'is recorded as delivered, and nobody accepted it'
    : undefined;
}
