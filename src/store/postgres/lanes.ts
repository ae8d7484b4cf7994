import { bigintArray, textArray } from './arrays.ts';
import { sql, type Row, type Transaction } from './database.ts';

/** A due time that does not come: of a lane that is held and empty, held without end, or paused. */
export const NEVER = Number.MAX_SAFE_INTEGER;

/** Before this moment a lane `l` is not due, whatever is scheduled in it. */
const HELD = `greatest(l.hold_until, CASE WHEN l.paused_at IS NOT NULL THEN ${NEVER} END)`;

// The upkeep of a lane's due_at, a lower bound of the due times of its scheduled deliveries, but never before
// hold_until, and without end while the lane is paused. Writers only ever lower it; a claim raises it to the truth or removes the lane. What makes that safe
// between transactions that do not see each other:
//
// - A writer that finds the lane due early enough locks it FOR KEY SHARE until it commits. Any number of writers may.
// - A claim raises only lanes that it gets FOR UPDATE without waiting, which KEY SHARE forbids, and looks for the
//   earliest due time in a later statement: then every delivery that the lane was kept low for is visible to it.
// - A writer that has to lower a lane locks it FOR NO KEY UPDATE (the upsert does), which stands beside KEY SHARE.
//
// So replicas that store tasks for one agent do not wait for each other, and no due time is ever missed. Lanes are
// locked in the order of their names and after everything else: agents < schedule < event_counter < lanes.

/**
 * Common table expressions that lower lanes from one named `wanted (lane, due_at)`, one row per lane.
 * `NOT IN` on purpose: it becomes a hash lookup where an anti-join of two CTEs would be a nested loop.
 */
export const LOWER_LANES = `
  covered AS MATERIALIZED (
    SELECT l.lane FROM wanted w JOIN lanes l ON l.lane = w.lane
    WHERE l.due_at <= greatest(w.due_at, ${HELD})
    ORDER BY l.lane FOR KEY SHARE OF l),
  lowered AS (
    INSERT INTO lanes AS l (lane, due_at)
    SELECT w.lane, w.due_at FROM wanted w WHERE w.lane NOT IN (SELECT c.lane FROM covered c)
    ORDER BY w.lane
    ON CONFLICT (lane) DO UPDATE SET due_at = greatest(excluded.due_at, ${HELD})
      WHERE greatest(excluded.due_at, ${HELD}) < l.due_at)`;

// Every lane is locked, and stays so until the commit: see insert-ordered.ts.
const enter = sql(
  'lanes_enter',
  `INSERT INTO lanes AS l (lane, due_at)
  SELECT lane, min(due_at) FROM unnest($1::text[], $2::bigint[]) AS u (lane, due_at)
  GROUP BY lane ORDER BY lane
  ON CONFLICT (lane) DO UPDATE SET due_at = least(l.due_at, greatest(excluded.due_at, ${HELD}))`,
);

// A hold that ends is none where there is no lane. One that is replaced by a shorter one kept due_at up: what is due under
// it is not known, so the lane is looked at when the shorter one ends.
const hold = sql(
  'lanes_hold',
  `INSERT INTO lanes AS l (lane, due_at, hold_until)
  SELECT u.lane, u.due_at, u.hold_until FROM unnest($1::text[], $2::bigint[], $3::bigint[]) AS u (lane, due_at, hold_until)
  WHERE u.hold_until > 0 OR EXISTS (SELECT FROM lanes x WHERE x.lane = u.lane)
  ORDER BY u.lane
  ON CONFLICT (lane) DO UPDATE SET hold_until = excluded.hold_until,
    due_at = CASE WHEN l.paused_at IS NOT NULL THEN l.due_at
      WHEN excluded.hold_until = 0 THEN least(l.due_at, excluded.due_at)
      WHEN excluded.hold_until < l.hold_until THEN excluded.due_at
      ELSE greatest(l.due_at, excluded.due_at) END`,
);

// Where a transaction holds lanes and pauses some: in one order all the same.
const lock = sql(
  'lanes_lock',
  'SELECT FROM lanes WHERE lane = ANY($1::text[]) ORDER BY lane FOR NO KEY UPDATE',
);

const pause = sql(
  'lanes_pause',
  `INSERT INTO lanes (lane, due_at, paused_at)
  SELECT lane, ${NEVER}, paused_at FROM unnest($1::text[], $2::bigint[]) AS u (lane, paused_at) ORDER BY lane
  ON CONFLICT (lane) DO UPDATE SET due_at = ${NEVER}, paused_at = excluded.paused_at`,
);

const resume = sql(
  'lanes_resume',
  `UPDATE lanes l SET paused_at = NULL, due_at = greatest(u.now, l.hold_until)
  FROM unnest($1::text[], $2::bigint[]) AS u (lane, now) WHERE l.lane = u.lane AND l.paused_at IS NOT NULL`,
);

export interface LaneDue {
  readonly lane: string;
  readonly dueAt: number;
}

/** A hold that begins, or (`until` 0) ends: what is in the lane is then looked at at once. */
export interface LaneHold {
  readonly lane: string;
  readonly until: number;
  readonly now: number;
}

/** A pause that begins, or (`pausedAt` null) ends. */
export interface LanePause {
  readonly lane: string;
  readonly pausedAt: number | null;
  readonly now: number;
}

/** Lowers lanes, and keeps everybody else from storing into them or claiming from them until the commit. */
export function enterLanes(tx: Transaction, lanes: readonly LaneDue[]): Promise<Row[]>[] {
  return lanes.length === 0 ? [] : [tx.query(enter, columns(lanes))];
}

export function holdLanes(tx: Transaction, holds: readonly LaneHold[]): Promise<Row[]>[] {
  if (holds.length === 0) return [];
  const values = [
    textArray(holds.map(({ lane }) => lane)),
    bigintArray(holds.map(({ until, now }) => (until === 0 ? now : until))),
    bigintArray(holds.map(({ until }) => until)),
  ];
  return [tx.query(hold, values)];
}

/** Beside holds: a lane that is paused is not due, whatever its hold does. */
export function pauseLanes(
  tx: Transaction,
  pauses: readonly LanePause[],
  holds: readonly LaneHold[],
): Promise<Row[]>[] {
  if (pauses.length === 0) return holdLanes(tx, holds);
  const begun = pauses.filter(({ pausedAt }) => pausedAt !== null);
  const ended = pauses.filter(({ pausedAt }) => pausedAt === null);
  const lanes = (of: readonly { readonly lane: string }[]) => textArray(of.map(({ lane }) => lane));
  return [
    tx.query(lock, [lanes([...pauses, ...holds])]),
    ...holdLanes(tx, holds),
    tx.query(pause, [lanes(begun), bigintArray(begun.map(({ pausedAt }) => pausedAt))]),
    tx.query(resume, [lanes(ended), bigintArray(ended.map(({ now }) => now))]),
  ];
}

function columns(lanes: readonly LaneDue[]) {
  return [textArray(lanes.map(({ lane }) => lane)), bigintArray(lanes.map(({ dueAt }) => dueAt))];
}
