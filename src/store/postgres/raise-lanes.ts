import { textArray } from './arrays.ts';
import { sql, type Database, type Row } from './database.ts';
import { NEVER } from './lanes.ts';

export const nextDue = sql(
  'claim_next_due',
  `SELECT min(due_at) AS due_at FROM lanes WHERE due_at > $1 AND due_at < ${NEVER}`,
);

/** Tells the second statement of a transaction what the first one locked, without a round trip between them. */
const LOCKED = 'agentkit.locked_lanes';

const lock = sql(
  'claim_lock_lanes',
  `SELECT set_config('${LOCKED}', coalesce(array_agg(lane)::text, '{}'), true), count(*) AS locked
   FROM (SELECT lane FROM lanes WHERE lane = ANY($1::text[]) AND due_at <= $2 AND paused_at IS NULL
     FOR UPDATE SKIP LOCKED) l`,
);

// A statement of its own, after the lock: it sees everything that a writer kept the lane low for (lanes.ts).
const raise = sql(
  'claim_raise',
  `WITH next AS MATERIALIZED (
    SELECT l.lane, l.hold_until, coalesce(
      (SELECT s.due_at FROM schedule s WHERE s.lane = l.lane AND s.ordered ORDER BY s.seq LIMIT 1),
      (SELECT min(s.due_at) FROM schedule s WHERE s.lane = l.lane AND NOT s.ordered)) AS due_at
    FROM unnest(current_setting('${LOCKED}')::text[]) AS u (lane) JOIN lanes l ON l.lane = u.lane),
  emptied AS (
    DELETE FROM lanes l USING next n WHERE l.lane = n.lane AND n.due_at IS NULL AND n.hold_until = 0)
  UPDATE lanes l SET due_at = greatest(coalesce(n.due_at, ${NEVER}), n.hold_until)
  FROM next n WHERE l.lane = n.lane AND (n.due_at IS NOT NULL OR n.hold_until > 0)
  RETURNING l.due_at <= $1 AS due`,
);

/**
 * Brings the due times of lanes to the truth, where nobody is just storing into them. `settled`: whether that was so with
 * all of them, and none is due.
 * `nextDueAt`: when the next lane is due that is not yet; null = none.
 */
export async function raiseLanes(
  db: Database,
  lanes: readonly string[],
  now: number,
): Promise<{ settled: boolean; nextDueAt: number | null }> {
  if (lanes.length === 0) {
    return { settled: true, nextDueAt: dueAtOf(await db.read(nextDue, [now])) };
  }
  return db.transaction(async (tx) => {
    const [locked, raised, next] = await tx.commit(
      tx.query(lock, [textArray(lanes), now]),
      tx.query(raise, [now]),
      tx.query(nextDue, [now]),
    );
    const all = locked[0]?.['locked'] === lanes.length;
    return { settled: all && !raised.some((row) => row['due']), nextDueAt: dueAtOf(next) };
  });
}

function dueAtOf(rows: readonly Row[]): number | null {
  return (rows[0]?.['due_at'] as number | null | undefined) ?? null;
}
