import type pg from 'pg';
import {
  BATCH_BYTES,
  BATCH_ROWS,
  type CarriedTable,
  type TransferSource,
  type Value,
} from '../transfer.ts';
import { toText } from './text.ts';
import { RELATIONS } from './transfer-tables.ts';

export function createReading(client: pg.Client): Pick<TransferSource, 'count' | 'read'> {
  const relation = ({ name }: CarriedTable) => RELATIONS[name] ?? `${name} r`;
  return {
    count: async (table) => {
      const { rows } = await client.query<{ rows: number }>(
        `SELECT count(*) AS rows FROM ${relation(table)}`,
      );
      return rows[0]?.rows ?? 0;
    },
    async *read(table) {
      const text = selectOf(table, relation(table));
      const columns = Object.keys(table.columns);
      let after: Value[] | undefined;
      for (;;) {
        const { rows } = await client.query<Value[]>({
          text: text(after !== undefined),
          values: (after ?? []).map((value) => (typeof value === 'string' ? toText(value) : value)),
          rowMode: 'array',
        });
        const last = rows.at(-1);
        if (last === undefined) return;
        yield rows;
        if (table.key.length === 0) return;
        after = table.key.map((column) => last[columns.indexOf(column)] as Value);
      }
    },
  };
}

/** One batch: the rows behind the last one, as many as the bounds allow and one at the least. */
function selectOf(table: CarriedTable, relation: string): (after: boolean) => string {
  const columns = Object.keys(table.columns).join(', ');
  const key = table.key.join(', ');
  if (key === '') return () => `SELECT ${columns} FROM ${relation}`;
  const sizes = Object.entries(table.columns).map(([column, type]) =>
    type === 'integer' ? '8' : `coalesce(octet_length(${column}), 0)`,
  );
  const marks = table.key.map((_, index) => `$${index + 1}`).join(', ');
  return (after) => `
    SELECT ${columns} FROM (
      SELECT *, sum(size) OVER (ORDER BY ${key}) - size AS before FROM (
        SELECT ${columns}, ${sizes.join(' + ')} AS size FROM ${relation}
        ${after ? `WHERE (${key}) > (${marks})` : ''} ORDER BY ${key} LIMIT ${BATCH_ROWS}) s) b
    WHERE before < ${BATCH_BYTES} ORDER BY ${key}`;
}
