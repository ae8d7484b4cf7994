import type { DeliveryFilter, DeliveryStore } from '../delivery-store.ts';
import { toRecord } from '../delivery-rows.ts';
import { sql, type Database, type Value } from './database.ts';
import { RECORD } from './delivery-columns.ts';
import { planOf } from './delivery-plan.ts';
import { Numbered } from './numbered.ts';

/** Deliveries that one page looks at; 5,000 take some 10 ms. */
const LOOK = 5_000;

/** Deliveries are accepted in the order of their seq, give or take what replicas and a slow commit put together. */
const MARGIN_MS = 60_000;

// The first seq that was accepted at a time or later, by halving: seqs and times grow together.
const firstSince = sql(
  'deliveries_first_since',
  `WITH RECURSIVE halved AS (
    SELECT coalesce((SELECT min(seq) FROM deliveries), 0) AS low,
      coalesce((SELECT max(seq) FROM deliveries), -1) + 1 AS high
    UNION ALL
    SELECT CASE WHEN p.created_at < $1 THEN p.seq + 1 ELSE h.low END,
      CASE WHEN p.created_at < $1 THEN h.high ELSE (h.low + h.high) / 2 END
    FROM halved h LEFT JOIN LATERAL (
      SELECT d.seq, d.created_at FROM deliveries d WHERE d.seq >= (h.low + h.high) / 2 ORDER BY d.seq LIMIT 1) p ON true
    WHERE h.low < h.high)
  SELECT low FROM halved WHERE low >= high`,
);

/**
 * Lists deliveries by the index that the filter has for it. What no index answers is looked through, LOOK at a time: the
 * page may be short then, and its cursor leads on. So no page costs what there is.
 */
export function createDeliveryList(db: Database): DeliveryStore['list'] {
  const statements = new Numbered('deliveries_list');

  async function seqAt(at: number): Promise<number> {
    return (await db.read(firstSince, [at]))[0]?.['low'] as number;
  }

  async function bounds({ since, until }: DeliveryFilter, before: string | null) {
    const top = before === null ? Number.MAX_SAFE_INTEGER : Number(before);
    return {
      top: until === undefined ? top : Math.min(top, await seqAt(until + MARGIN_MS)),
      bottom: since === undefined ? 0 : await seqAt(since - MARGIN_MS),
    };
  }

  return async (filter, { limit, before }) => {
    const { ranges, rest, restValues } = planOf(filter);
    const { top, bottom } = await bounds(filter, before);
    // Each range ends by itself: a merge of them would otherwise be sorted as a whole.
    const looked = ranges
      .map(
        ({ table, where }) =>
          `(SELECT seq FROM ${table} WHERE ${where} AND seq < ? AND seq >= ? ORDER BY seq DESC LIMIT ${LOOK})`,
      )
      .join(' UNION ALL ');
    const values: Value[] = ranges.flatMap((range) => [...range.values, top, bottom]);
    const rows = await statements.run(db, {
      text: `SELECT ${RECORD} JOIN (SELECT seq FROM (${looked}) l ORDER BY seq DESC LIMIT ${LOOK}) c ON c.seq = d.seq
        ${rest.length === 0 ? '' : `WHERE ${rest.join(' AND ')}`} ORDER BY c.seq DESC LIMIT ?`,
      values: [...values, ...restValues, limit + 1],
    });
    const items = rows.slice(0, limit).map(toRecord);
    if (rows.length > limit) return { items, next: String(rows[limit - 1]?.['seq']) };
    // All that was looked at is told; where there is more to look at, the next page goes on from there.
    const [last] = await statements.run(db, {
      text: `SELECT seq FROM (${looked}) l ORDER BY seq DESC LIMIT 1 OFFSET ${LOOK - 1}`,
      values,
    });
    return { items, next: last === undefined ? null : String(last['seq']) };
  };
}
