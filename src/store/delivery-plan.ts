import type { DeliveryFilter } from './delivery-store.ts';

type Value = string | number;

/** A range of an index that has its deliveries in the order of their seq. */
export interface Range {
  /** What to select `seq` from. */
  readonly table: string;
  readonly where: string;
  readonly values: readonly Value[];
}

/** Where a filter's deliveries are found, and what is still to be asked of each delivery `d` that is. */
export interface Plan {
  readonly ranges: readonly Range[];
  readonly rest: readonly string[];
  readonly restValues: readonly Value[];
}

const CONDITIONS: readonly (readonly [name: keyof DeliveryFilter, condition: string])[] = [
  ['kind', 'd.kind = ?'],
  ['state', 'd.state = ?'],
  ['agentId', 'd.agent_id = ?'],
  ['errorClass', 'error_class = ?'],
  ['since', 'd.created_at >= ?'],
  ['until', 'd.created_at < ?'],
];

/**
 * By the ranges, which answer these parts of the filter; the rest is asked of each delivery.
 * @param errorClass what stands for its error class in a condition.
 */
export function byRanges(
  filter: DeliveryFilter,
  errorClass: string,
  answered: readonly (keyof DeliveryFilter)[],
  ...ranges: readonly Range[]
): Plan {
  const rest = CONDITIONS.filter(
    ([name]) => !answered.includes(name) && filter[name] !== undefined,
  );
  return {
    ranges,
    rest: rest.map(([, condition]) => condition.replace(/^error_class/, errorClass)),
    restValues: rest.map(([name]) => filter[name] as Value),
  };
}

export function range(table: string, where: string, ...values: Value[]): Range {
  return { table, where, values };
}
