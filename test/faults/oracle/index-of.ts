import type { Arrival, History, Operation, StoredDelivery } from './history.ts';

/** A history, by key and by id. */
export interface Index {
  operation(key: string | undefined): Operation | undefined;
  row(id: string): StoredDelivery | undefined;
  /** What the database has for an operation: one row, if all is well. */
  rowsOf(key: string): readonly StoredDelivery[];
  /** The arrivals of a delivery that were accepted. */
  acceptedOf(id: string): readonly Arrival[];
}

export function indexOf({ operations, arrivals, stored }: History): Index {
  const byKey = new Map(operations.map((operation) => [operation.key, operation]));
  const rows = new Map(stored.map((row) => [row.id, row]));
  const rowsByKey = Map.groupBy(stored, ({ key }) => key);
  const accepted = Map.groupBy(
    arrivals.filter(({ acceptedAt }) => acceptedAt !== undefined),
    ({ id }) => id,
  );
  return {
    operation: (key) => (key === undefined ? undefined : byKey.get(key)),
    row: (id) => rows.get(id),
    rowsOf: (key) => rowsByKey.get(key) ?? [],
    acceptedOf: (id) => accepted.get(id) ?? [],
  };
}
