import type { DatabaseSync, SQLInputValue } from 'node:sqlite';
import type { Range } from '../delivery-plan.ts';
import type { DeliveryFilter, DeliveryStore } from '../delivery-store.ts';
import { toRecord } from '../delivery-rows.ts';
import { planOf, scheduled } from './delivery-plan.ts';
import { createStatements } from './statements.ts';

/** Deliveries that one page looks at; 5,000 take some 5 ms. */
const LOOK = 5_000;

/** With so few scheduled, all of them are looked at and sorted: no index has them by seq, which each task would pay for. */
const FEW = 10_000;

/** Deliveries are accepted in the order of their seq, give or take what a slow commit puts together. */
const MARGIN_MS = 60_000;

/**
 * Lists deliveries by the index that the filter has for it. What no index answers is looked through, LOOK at a time: the
 * page may be short then, and its cursor leads on. So no page costs what there is.
 */
export function createDeliveryList(db: DatabaseSync): DeliveryStore['list'] {
  const statement = createStatements(db);
  // Each by itself: SQLite finds one end of an index at once, and would read it whole for both.
  const ends = db.prepare(
    'SELECT (SELECT min(seq) FROM deliveries) AS first, (SELECT max(seq) FROM deliveries) AS last',
  );
  const from = db.prepare(
    'SELECT seq, created_at FROM deliveries WHERE seq >= ? ORDER BY seq LIMIT 1',
  );

  /** The first seq that was accepted at `at` or later, by halving: seqs and times grow together. */
  function firstSince(at: number): number {
    const { first, last } = ends.get() as { first: number | null; last: number | null };
    let [low, high] = [first ?? 0, (last ?? -1) + 1];
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const row = from.get(middle) as { seq: number; created_at: number } | undefined;
      if (row !== undefined && row.created_at < at) low = row.seq + 1;
      else high = middle;
    }
    return low;
  }

  function areFew({ table, where, values }: Range): boolean {
    const count = statement(
      `SELECT count(*) AS n FROM (SELECT 1 FROM ${table} WHERE ${where} LIMIT ?)`,
    );
    return (count.get(...values, FEW + 1)?.['n'] as number) <= FEW;
  }

  function bounds({ since, until }: DeliveryFilter, before: string | null) {
    const top = before === null ? Number.MAX_SAFE_INTEGER : Number(before);
    return {
      top: until === undefined ? top : Math.min(top, firstSince(until + MARGIN_MS)),
      bottom: since === undefined ? 0 : firstSince(since - MARGIN_MS),
    };
  }

  return async (filter, { limit, before }) => {
    const few = filter.state === 'scheduled' && areFew(scheduled(filter));
    const { ranges, rest, restValues } = planOf(filter, few);
    const { top, bottom } = bounds(filter, before);
    const looked = ranges
      .map(({ table, where }) => `SELECT seq FROM ${table} WHERE ${where} AND seq < ? AND seq >= ?`)
      .join(' UNION ALL ');
    const values: SQLInputValue[] = ranges.flatMap((range) => [...range.values, top, bottom]);
    // The outer query keeps the order of the inner one, and ends it as soon as the page is full.
    const rows = statement(`
      SELECT d.*, f.error_class
      FROM (${looked} ORDER BY seq DESC LIMIT ?) AS c CROSS JOIN deliveries AS d ON d.seq = c.seq
        LEFT JOIN failures AS f ON f.seq = d.seq
      ${rest.length === 0 ? '' : `WHERE ${rest.join(' AND ')}`} LIMIT ?`).all(
      ...values,
      LOOK,
      ...restValues,
      limit + 1,
    );
    const items = rows.slice(0, limit).map(toRecord);
    if (rows.length > limit) return { items, next: String(rows[limit - 1]?.['seq']) };
    // All that was looked at is told; where there is more to look at, the next page goes on from there.
    const last = statement(`${looked} ORDER BY seq DESC LIMIT 1 OFFSET ?`).get(...values, LOOK - 1);
    return { items, next: last === undefined ? null : String(last['seq']) };
  };
}
