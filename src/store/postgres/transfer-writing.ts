import { isOrdered } from '../../outbox/delivery.ts';
import type { CarriedRow, CarriedTable, ColumnType, Value } from '../transfer.ts';
import { bigintArray, boolArray, byteaArray, textArray } from './arrays.ts';
import { NEVER } from './lanes.ts';

const ARRAYS: Readonly<Record<ColumnType, string>> = {
  text: 'text[]',
  integer: 'bigint[]',
  bytes: 'bytea[]',
};

/** The statement that writes rows of a table, told as one array a column. */
export function insertOf(table: CarriedTable): string {
  const columns = Object.keys(table.columns);
  const list = columns.join(', ');
  const arrays = Object.values(table.columns).map(
    (type, index) => `$${index + 1}::${ARRAYS[type]}`,
  );
  const rows = `unnest(${arrays.join(', ')}) AS u (${list})`;
  switch (table.name) {
    case 'last_event':
      return `INSERT INTO event_counter (last) SELECT u.seq FROM ${rows}`;
    case 'holds':
      return `INSERT INTO lanes (${list}, due_at) SELECT ${list}, ${NEVER} FROM ${rows}`;
    case 'deliveries':
      return `
        WITH incoming AS MATERIALIZED (
          SELECT * FROM unnest(${arrays.join(', ')}, $${columns.length + 1}::boolean[]) AS u (${list}, ordered)),
        stored AS (
          INSERT INTO deliveries (seq, id, kind, agent_id, name, state, attempt_count, unburnt_count, created_at,
            finished_at, last_error)
          SELECT seq, id, kind, agent_id, name, state, attempt_count, unburnt_count, created_at, finished_at, last_error
          FROM incoming),
        ended AS (
          INSERT INTO undelivered (seq, state, agent_id, error_class)
          SELECT seq, state, agent_id, error_class FROM incoming WHERE state IN ('dead', 'cancelled')),
        elsewhere AS (
          UPDATE payloads p SET lane = i.lane FROM incoming i
          WHERE p.seq = i.seq AND i.lane <> i.kind || ':' || i.agent_id)
        INSERT INTO schedule (seq, due_at, epoch, bytes, ordered, lane, error_class)
        SELECT i.seq, i.due_at, i.epoch, length(p.body), i.ordered, i.lane, i.error_class
        FROM incoming i JOIN payloads p ON p.seq = i.seq WHERE i.state = 'scheduled'`;
    default:
      return `INSERT INTO ${table.name} (${list}) SELECT ${list} FROM ${rows}`;
  }
}

export function columnsOf(table: CarriedTable, rows: readonly CarriedRow[]): Buffer[] {
  const columns = Object.entries(table.columns).map(([, type], index) => {
    const values = rows.map((row) => row[index] as Value);
    if (type === 'text') return textArray(values as (string | null)[]);
    if (type === 'integer') return bigintArray(values as (number | null)[]);
    return byteaArray(values as Uint8Array[]);
  });
  if (table.name !== 'deliveries') return columns;
  const lane = Object.keys(table.columns).indexOf('lane');
  return [...columns, boolArray(rows.map((row) => isOrdered(String(row[lane]))))];
}
