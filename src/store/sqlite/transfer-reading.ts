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
  deliveries: `(SELECT d.seq, d.id, d.kind, d.agent_id, d.name, d.state, d.attempt_count, d.unburnt_count, d.created_at,
    d.finished_at, d.last_error, f.error_class, d.lane, iif(d.state = 'scheduled', d.epoch, NULL) AS epoch,
    iif(d.state = 'scheduled', iif(d.lease_owner IS NULL, d.due_at, d.created_at), NULL) AS due_at
    FROM deliveries d LEFT JOIN failures f ON f.seq = d.seq)`,
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
