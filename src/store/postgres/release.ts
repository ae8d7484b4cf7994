import type { OutboxStore } from '../store.ts';
import { bigintArray, intArray } from './arrays.ts';
import { sql, type Database } from './database.ts';
import { LOWER_LANES } from './lanes.ts';

const release = sql(
  'release',
  `WITH given AS MATERIALIZED (SELECT * FROM unnest($1::bigint[], $2::integer[]) AS u (seq, epoch)),
  freed AS (
    UPDATE schedule s SET due_at = $3, lease_owner = NULL, start_by = NULL FROM given g
    WHERE s.seq = g.seq AND s.epoch = g.epoch AND s.lease_owner IS NOT NULL
    RETURNING s.lane),
  wanted AS MATERIALIZED (SELECT DISTINCT lane, $3::bigint AS due_at FROM freed),
  ${LOWER_LANES}
  SELECT count(*) AS freed FROM freed`,
);

/** Gives leases back. `onFreed`: something is due that any replica may take. */
export function createRelease(db: Database, onFreed: () => void): OutboxStore['release'] {
  return async (leases, now) => {
    if (leases.length === 0) return;
    // Rows are locked in the order of the array: one order for everybody.
    const sorted = [...leases].sort((a, b) => a.seq - b.seq);
    const [row] = await db.write(release, [
      bigintArray(sorted.map(({ seq }) => seq)),
      intArray(sorted.map(({ epoch }) => epoch)),
      now,
    ]);
    if ((row?.['freed'] as number) > 0) onFreed();
  };
}
