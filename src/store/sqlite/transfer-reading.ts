import type { DatabaseSync } from 'node:sqlite';
import {
  BATCH_BYTES,
  BATCH_ROWS,
  type CarriedRow,
  type CarriedTable,
  type TransferSource,
} from '../transfer.ts';

/** A table as the carried one has it, where that is not how it is stored. */
const RELATIONS: Readonly<Record<string, string>> = {
  last_event: `(SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'agent_events'), 0) AS seq)`,
  deliveries: `(SELECT seq, id, kind, agent_id, name, state, attempt_count, unburnt_count, created_at, finished_at,
    last_error, iif(state = 'delivered', NULL, error_class) AS error_class, lane,
    iif(state = 'scheduled', epoch, NULL) AS epoch,
    iif(state = 'scheduled', iif(lease_owner IS NULL, due_at, created_at), NULL) AS due_at FROM deliveries)`,
  holds:
    '(SELECT lane, hold_until, paused_at FROM lanes WHERE hold_until > 0 OR paused_at IS NOT NULL)',
};

/** Reads a file as a move wants it; nothing may be written to it between two batches. */
export function createReading(db: DatabaseSync): Pick<TransferSource, 'count' | 'read'> {
  const relation = ({ name }: CarriedTable) => RELATIONS[name] ?? name;
  return {
    count: async (table) => {
      const row = db.prepare(`SELECT count(*) AS rows FROM ${relation(table)}`).get();
      return row?.['rows'] as number;
    },
    async *read(table) {
      const columns = Object.keys(table.columns).join(', ');
      const order = table.key.length === 0 ? '' : `ORDER BY ${table.key.join(', ')}`;
      const select = db.prepare(`SELECT ${columns} FROM ${relation(table)} ${order}`);
      select.setReturnArrays(true);
      let [rows, bytes]: [CarriedRow[], number] = [[], 0];
      for (const row of select.iterate() as unknown as Iterable<CarriedRow>) {
        rows.push(row);
        bytes += sizeOf(row);
        if (rows.length < BATCH_ROWS && bytes < BATCH_BYTES) continue;
        yield rows;
        [rows, bytes] = [[], 0];
      }
      if (rows.length > 0) yield rows;
    },
  };
}

function sizeOf(row: CarriedRow): number {
  return row.reduce(
    (sum: number, value) =>
      sum + (value instanceof Uint8Array || typeof value === 'string' ? value.length : 8),
    0,
  );
}
