import type { DatabaseSync } from 'node:sqlite';

/**
 * The upkeep of a lane's `due_at`, a lower bound of the due times of its scheduled deliveries. Writers only ever
 * lower it; a claim, which looks at the lane anyway, raises it to the truth or removes the lane.
 */
export function createLanes(db: DatabaseSync) {
  const lower = db.prepare(`
    INSERT INTO lanes (lane, due_at) VALUES (?, ?)
    ON CONFLICT (lane) DO UPDATE SET due_at = excluded.due_at WHERE excluded.due_at < lanes.due_at`);
  const set = db.prepare('UPDATE lanes SET due_at = ? WHERE lane = ?');
  const remove = db.prepare('DELETE FROM lanes WHERE lane = ?');
  const due = db.prepare('SELECT lane FROM lanes WHERE due_at <= ? ORDER BY due_at');
  const nextDue = db.prepare('SELECT min(due_at) AS due_at FROM lanes WHERE due_at > ?');

  return {
    lower(lane: string, dueAt: number): void {
      lower.run(lane, dueAt);
    },
    /** `undefined`: nothing is scheduled in the lane. */
    set(lane: string, dueAt: number | undefined): void {
      if (dueAt === undefined) remove.run(lane);
      else set.run(dueAt, lane);
    },
    /** Lanes that may have something due, the longest waiting first. */
    *due(now: number): Generator<string> {
      for (const row of due.iterate(now)) yield row['lane'] as string;
    },
    nextDueAt(now: number): number | null {
      return nextDue.get(now)?.['due_at'] as number | null;
    },
  };
}

export type Lanes = ReturnType<typeof createLanes>;
