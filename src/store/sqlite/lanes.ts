import type { DatabaseSync } from 'node:sqlite';

/** A due time that does not come: of a lane that is held and empty, held without end, or paused. */
export const NEVER = Number.MAX_SAFE_INTEGER;

/**
 * The upkeep of a lane's `due_at`, a lower bound of the due times of its scheduled deliveries, but never before
 * `hold_until`, and without end while the lane is paused. Writers only ever lower it; a claim, which looks at the lane
 * anyway, raises it to the truth or removes the lane.
 */
export function createLanes(db: DatabaseSync) {
  const lower = db.prepare(`
    INSERT INTO lanes (lane, due_at) VALUES (?, ?)
    ON CONFLICT (lane) DO UPDATE SET due_at = max(excluded.due_at, hold_until)
      WHERE max(excluded.due_at, hold_until) < lanes.due_at AND paused_at IS NULL`);
  const set = db.prepare('UPDATE lanes SET due_at = max(?, hold_until) WHERE lane = ?');
  const remove = db.prepare('DELETE FROM lanes WHERE lane = ?');
  const hold = db.prepare(`
    INSERT INTO lanes (lane, due_at, hold_until) VALUES (:lane, :until, :until)
    ON CONFLICT (lane) DO UPDATE SET due_at = max(due_at, :until), hold_until = :until`);
  const release = db.prepare(`
    UPDATE lanes SET due_at = iif(paused_at IS NULL, ?, due_at), hold_until = 0 WHERE lane = ?`);
  const pause = db.prepare(`
    INSERT INTO lanes (lane, due_at, paused_at) VALUES (:lane, ${NEVER}, :at)
    ON CONFLICT (lane) DO UPDATE SET due_at = ${NEVER}, paused_at = :at`);
  const resume = db.prepare(
    'UPDATE lanes SET due_at = max(?, hold_until), paused_at = NULL WHERE lane = ? AND paused_at IS NOT NULL',
  );
  const due = db.prepare('SELECT lane FROM lanes WHERE due_at <= ? ORDER BY due_at');
  const dueOf = db.prepare('SELECT hold_until FROM lanes WHERE lane = ? AND due_at <= ?');
  const nextDue = db.prepare(
    'SELECT min(due_at) AS due_at FROM lanes WHERE due_at > ? AND due_at < ?',
  );

  return {
    lower(lane: string, dueAt: number): void {
      lower.run(lane, dueAt);
    },
    /** `undefined`: nothing is scheduled in the lane. A held one stays, since the hold would be lost with it. */
    set(lane: string, dueAt: number | undefined, held: boolean): void {
      if (dueAt !== undefined || held) set.run(dueAt ?? NEVER, lane);
      else remove.run(lane);
    },
    hold(lane: string, until: number): void {
      hold.run({ lane, until });
    },
    /** Ends a hold: what is in the lane is looked at at once. */
    release(lane: string, now: number): void {
      release.run(now, lane);
    },
    /** Holds it besides: neither a hold that ends nor one that begins changes that. */
    pause(lane: string, at: number): void {
      pause.run({ lane, at });
    },
    resume(lane: string, now: number): void {
      resume.run(now, lane);
    },
    /** Lanes that may have something due, the longest waiting first. */
    *due(now: number): Generator<string> {
      for (const row of due.iterate(now)) yield row['lane'] as string;
    },
    /** Of one that may have something due. `held`: it is time for a probe. */
    dueOf(lane: string, now: number): { readonly held: boolean } | undefined {
      const row = dueOf.get(lane, now);
      return row === undefined ? undefined : { held: (row['hold_until'] as number) > 0 };
    },
    nextDueAt(now: number): number | null {
      return nextDue.get(now, NEVER)?.['due_at'] as number | null;
    },
  };
}

export type Lanes = ReturnType<typeof createLanes>;
