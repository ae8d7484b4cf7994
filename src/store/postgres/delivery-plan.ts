import { byRanges, range, type Plan, type Range } from '../delivery-plan.ts';
import type { DeliveryFilter } from '../delivery-store.ts';

/**
 * What partial indexes are for is written out: a prepared statement knows no values. The rest is asked of a delivery `d`,
 * with `s` while it is scheduled and `u` when it ended undelivered.
 */
export function planOf(filter: DeliveryFilter): Plan {
  const { kind, state, agentId, errorClass } = filter;
  const by = (answered: readonly (keyof DeliveryFilter)[], ...ranges: readonly Range[]) =>
    byRanges(filter, 'coalesce(s.error_class, u.error_class)', answered, ...ranges);
  const ended = state === 'dead' || state === 'cancelled';
  if (ended && agentId !== undefined) {
    const found = range('undelivered', 'agent_id = ? AND state = ?', agentId, state);
    return by(['state', 'agentId'], found);
  }
  if (errorClass !== undefined) {
    const of = (table: string) => range(table, 'error_class = ?', errorClass);
    if (ended) return by(['errorClass'], of('undelivered'));
    if (state === 'scheduled') return by(['errorClass'], of('schedule'));
    return by(['errorClass'], of('schedule'), of('undelivered'));
  }
  if (ended) return by(['state'], range('undelivered', 'state = ?', state));
  if (agentId !== undefined) {
    const tasks = range('deliveries', "agent_id = ? AND kind = 'task'", agentId);
    const others = range('deliveries', "agent_id = ? AND kind <> 'task'", agentId);
    if (kind === undefined) return by(['agentId'], tasks, others);
    return kind === 'task' ? by(['agentId', 'kind'], tasks) : by(['agentId'], others);
  }
  if (kind === 'webhook' || kind === 'state_report') {
    return by(['kind'], range('deliveries', "kind = ? AND kind <> 'task'", kind));
  }
  if (state === 'scheduled') return by(['state'], range('schedule', 'true'));
  return by([], range('deliveries', 'true'));
}
