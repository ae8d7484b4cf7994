import type { DeliveryFilter } from '../delivery-store.ts';
import type { Value } from './database.ts';
import { ERROR_CLASS } from './delivery-columns.ts';

/** A range of an index that has its deliveries in the order of their seq. */
export interface Range {
  readonly table: 'deliveries' | 'schedule' | 'undelivered';
  readonly where: string;
  readonly values: readonly Value[];
}

/** Where a filter's deliveries are found, and what is still to be asked of each delivery that is. */
export interface Plan {
  readonly ranges: readonly Range[];
  /** Of a delivery `d`, with `s` while it is scheduled and `u` when it ended undelivered. */
  readonly rest: readonly string[];
  readonly restValues: readonly Value[];
}

type Name = keyof DeliveryFilter;

const CONDITIONS: readonly (readonly [name: Name, condition: string])[] = [
  ['kind', 'd.kind = ?'],
  ['state', 'd.state = ?'],
  ['agentId', 'd.agent_id = ?'],
  ['errorClass', `${ERROR_CLASS} = ?`],
  ['since', 'd.created_at >= ?'],
  ['until', 'd.created_at < ?'],
];

/** By the ranges, which answer these parts of the filter; the rest is asked of each. */
function plan(filter: DeliveryFilter, answered: readonly Name[], ranges: readonly Range[]): Plan {
  const rest = CONDITIONS.filter(
    ([name]) => !answered.includes(name) && filter[name] !== undefined,
  );
  return {
    ranges,
    rest: rest.map(([, condition]) => condition),
    restValues: rest.map(([name]) => filter[name] as Value),
  };
}

function range(table: Range['table'], where: string, ...values: Value[]): Range {
  return { table, where, values };
}

/** What partial indexes are for is written out: a prepared statement knows no values. */
export function planOf(filter: DeliveryFilter): Plan {
  const { kind, state, agentId, errorClass } = filter;
  if ((state === 'dead' || state === 'cancelled') && agentId !== undefined) {
    const ended = range('undelivered', 'agent_id = ? AND state = ?', agentId, state);
    return plan(filter, ['state', 'agentId'], [ended]);
  }
  if (errorClass !== undefined) {
    const tables = state === 'scheduled' ? ['schedule'] : ['schedule', 'undelivered'];
    const ranges = (state === 'dead' || state === 'cancelled' ? ['undelivered'] : tables).map(
      (table) => range(table as Range['table'], 'error_class = ?', errorClass),
    );
    return plan(filter, ['errorClass'], ranges);
  }
  if (state === 'dead' || state === 'cancelled') {
    return plan(filter, ['state'], [range('undelivered', 'state = ?', state)]);
  }
  if (agentId !== undefined) {
    const tasks = range('deliveries', "agent_id = ? AND kind = 'task'", agentId);
    const others = range('deliveries', "agent_id = ? AND kind <> 'task'", agentId);
    if (kind === undefined) return plan(filter, ['agentId'], [tasks, others]);
    if (kind === 'task') return plan(filter, ['agentId', 'kind'], [tasks]);
    return plan(filter, ['agentId'], [others]);
  }
  if (kind === 'webhook' || kind === 'state_report') {
    const ofKind = range('deliveries', "kind = ? AND kind <> 'task'", kind);
    return plan(filter, ['kind'], [ofKind]);
  }
  if (state === 'scheduled') return plan(filter, ['state'], [range('schedule', 'true')]);
  return plan(filter, [], [range('deliveries', 'true')]);
}
