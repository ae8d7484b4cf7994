import { byRanges, range, type Plan, type Range } from '../delivery-plan.ts';
import type { DeliveryFilter } from '../delivery-store.ts';

// Each range names its index: SQLite is not asked which.

const DUE = 'deliveries INDEXED BY deliveries_due';
const OF_AGENT = 'deliveries INDEXED BY deliveries_of_agent';
const OPSCORE = 'deliveries INDEXED BY deliveries_opscore';
const FAILURES_OF_AGENT = 'failures INDEXED BY failures_of_agent';
const FAILURES_ERROR = 'failures INDEXED BY failures_error';
const FAILURES_STATE = 'failures INDEXED BY failures_state';

/** Reports may be in the lane of the webhooks: a kind does not tell the lane. */
const KINDS = ['state_report', 'task', 'webhook'] as const;

/** What is scheduled, of one agent or of all, by an index that is in the order of due times. */
export function scheduled({ agentId }: DeliveryFilter): Range {
  if (agentId === undefined) return range(DUE, "state = 'scheduled'");
  const lanes = KINDS.map((kind) => `${kind}:${agentId}`);
  return range(DUE, "state = 'scheduled' AND lane IN (?, ?, ?)", ...lanes);
}

/**
 * What partial indexes are for is written out: SQLite cannot tell it from a value that is bound later. The rest is asked
 * of a delivery `d` with its failure `f`.
 */
export function planOf(filter: DeliveryFilter, fewScheduled: boolean): Plan {
  const { kind, state, agentId, errorClass } = filter;
  const by = (answered: readonly (keyof DeliveryFilter)[], ...ranges: readonly Range[]) =>
    byRanges(filter, 'f.error_class', answered, ...ranges);
  const ended = state === 'dead' || state === 'cancelled';
  if (ended && agentId !== undefined) {
    const where = 'agent_id = ? AND state = ?';
    return by(['state', 'agentId'], range(FAILURES_OF_AGENT, where, agentId, state));
  }
  if (errorClass !== undefined) {
    return by(['errorClass'], range(FAILURES_ERROR, 'error_class = ?', errorClass));
  }
  if (ended) return by(['state'], range(FAILURES_STATE, 'state = ?', state));
  if (state === 'scheduled' && fewScheduled) return by(['state', 'agentId'], scheduled(filter));
  if (agentId !== undefined) {
    const kinds = kind === undefined ? KINDS : [kind];
    const where = 'agent_id = ? AND kind = ?';
    return by(['agentId', 'kind'], ...kinds.map((one) => range(OF_AGENT, where, agentId, one)));
  }
  if (kind === 'webhook' || kind === 'state_report') {
    return by(['kind'], range(OPSCORE, `kind = '${kind}'`));
  }
  return by([], range('deliveries NOT INDEXED', 'true'));
}
