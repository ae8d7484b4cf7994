import type { SQLInputValue } from 'node:sqlite';
import type { DeliveryFilter } from '../delivery-store.ts';

/** A range of an index that has its deliveries in the order of their seq. */
export interface Range {
  /** A table, and `INDEXED BY ...`: SQLite is not asked which. */
  readonly table: string;
  readonly where: string;
  readonly values: readonly SQLInputValue[];
}

/** Where a filter's deliveries are found, and what is still to be asked of each delivery `d`, with its failure `f`. */
export interface Plan {
  readonly ranges: readonly Range[];
  readonly rest: readonly string[];
  readonly restValues: readonly SQLInputValue[];
}

type Name = keyof DeliveryFilter;

const CONDITIONS: readonly (readonly [name: Name, condition: string])[] = [
  ['kind', 'd.kind = ?'],
  ['state', 'd.state = ?'],
  ['agentId', 'd.agent_id = ?'],
  ['errorClass', 'f.error_class = ?'],
  ['since', 'd.created_at >= ?'],
  ['until', 'd.created_at < ?'],
];

const DUE = 'deliveries INDEXED BY deliveries_due';

/** Webhooks and reports of one agent share a lane when it leaves: a kind does not tell the lane. */
const KINDS = ['state_report', 'task', 'webhook'] as const;

/** By the ranges, which answer these parts of the filter; the rest is asked of each. */
function plan(filter: DeliveryFilter, answered: readonly Name[], ranges: readonly Range[]): Plan {
  const rest = CONDITIONS.filter(
    ([name]) => !answered.includes(name) && filter[name] !== undefined,
  );
  return {
    ranges,
    rest: rest.map(([, condition]) => condition),
    restValues: rest.map(([name]) => filter[name] as SQLInputValue),
  };
}

function range(table: string, where: string, ...values: SQLInputValue[]): Range {
  return { table, where, values };
}

/** What is scheduled, of one agent or of all, by an index that is in the order of due times. */
export function scheduled({ agentId }: DeliveryFilter): Range {
  if (agentId === undefined) return range(DUE, "state = 'scheduled'");
  const lanes = KINDS.map((kind) => `${kind}:${agentId}`);
  return range(DUE, "state = 'scheduled' AND lane IN (?, ?, ?)", ...lanes);
}

/** What partial indexes are for is written out: SQLite cannot tell it from a value that is bound later. */
export function planOf(filter: DeliveryFilter, fewScheduled: boolean): Plan {
  const { kind, state, agentId, errorClass } = filter;
  const ended = state === 'dead' || state === 'cancelled';
  if (ended && agentId !== undefined) {
    const table = 'failures INDEXED BY failures_of_agent';
    const found = range(table, 'agent_id = ? AND state = ?', agentId, state);
    return plan(filter, ['state', 'agentId'], [found]);
  }
  if (errorClass !== undefined) {
    const found = range('failures INDEXED BY failures_error', 'error_class = ?', errorClass);
    return plan(filter, ['errorClass'], [found]);
  }
  if (ended) {
    const found = range('failures INDEXED BY failures_state', 'state = ?', state);
    return plan(filter, ['state'], [found]);
  }
  if (state === 'scheduled' && fewScheduled) {
    return plan(filter, ['state', 'agentId'], [scheduled(filter)]);
  }
  if (agentId !== undefined) {
    const kinds = kind === undefined ? KINDS : [kind];
    const ranges = kinds.map((one) =>
      range('deliveries INDEXED BY deliveries_of_agent', 'agent_id = ? AND kind = ?', agentId, one),
    );
    return plan(filter, ['agentId', 'kind'], ranges);
  }
  if (kind === 'webhook' || kind === 'state_report') {
    const table = 'deliveries INDEXED BY deliveries_opscore';
    return plan(filter, ['kind'], [range(table, `kind = '${kind}'`)]);
  }
  return plan(filter, [], [range('deliveries NOT INDEXED', 'true')]);
}
