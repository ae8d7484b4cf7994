import type { DeliveryStore } from '../delivery-store.ts';
import { ERROR_CLASSES, failingOf, type FailingRow } from '../failing.ts';
import { textArray } from './arrays.ts';
import { sql, type Database } from './database.ts';

// Of each class by itself: of one that has many, the others would not be seen behind it.
const failing = sql(
  'deliveries_failing',
  `WITH looked AS MATERIALIZED (
    SELECT c.class, l.seq FROM unnest($1::text[]) AS c (class) CROSS JOIN LATERAL (
      (SELECT seq FROM schedule s WHERE s.error_class = c.class ORDER BY seq DESC LIMIT $2)
      UNION ALL
      (SELECT seq FROM undelivered u WHERE u.error_class = c.class ORDER BY seq DESC LIMIT $2)) l)
  SELECT d.kind, d.state, l.class AS error_class, d.last_error, count(*)::integer AS counted,
    min(d.created_at) AS oldest, max(n.looked) AS looked
  FROM looked l JOIN deliveries d ON d.seq = l.seq
    JOIN (SELECT class, count(*)::integer AS looked FROM looked GROUP BY class) n ON n.class = l.class
  GROUP BY d.kind, d.state, l.class, d.last_error`,
);

/** Looks at up to `limit` failures of each class that wait, and as many that ended, by the indexes that have them. */
export function createFailing(db: Database): DeliveryStore['failing'] {
  return async (limit) => {
    const rows = await db.read(failing, [textArray(ERROR_CLASSES), limit]);
    return failingOf(rows as unknown as FailingRow[], limit);
  };
}
