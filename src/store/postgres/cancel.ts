import type { TaskStore } from '../store.ts';
import { sql, type Database } from './database.ts';
import type { LaneDepths } from './depths.ts';
import type { Tell } from './hints.ts';
import type { PostgresReplica } from './replica.ts';

// `asked`: a replica has it under a lease, and may be about to send it. That may be this one: whoever else is told that it
// is cancelled has to wait for its worker as well.
const cancel = sql(
  'tasks_cancel',
  `WITH taken AS (
    DELETE FROM schedule s USING deliveries d WHERE d.id = $1 AND d.kind = 'task' AND s.seq = d.seq
    RETURNING s.seq, s.lane, s.epoch, s.lease_owner, coalesce(s.start_by, s.due_at) AS start_by),
  ended AS (
    UPDATE deliveries d SET state = 'cancelled', finished_at = $2, cancelled_epoch = t.epoch
    FROM taken t WHERE d.seq = t.seq),
  asked AS (
    INSERT INTO cancellations (task_id, holder, start_by)
    SELECT $1, lease_owner, start_by FROM taken WHERE lease_owner IS NOT NULL AND start_by > $3
    ON CONFLICT (task_id) DO NOTHING
    RETURNING holder, start_by)
  SELECT t.lane, e.holder, e.start_by FROM taken t LEFT JOIN asked e ON true`,
);

const look = sql(
  'tasks_cancelled',
  `SELECT d.state, c.start_by FROM deliveries d LEFT JOIN cancellations c ON c.task_id = d.id
  WHERE d.id = $1 AND d.kind = 'task'`,
);

interface Deps {
  readonly db: Database;
  readonly depths: LaneDepths;
  readonly replica: PostgresReplica;
  readonly tell: Tell;
}

/** Resolves once no replica starts an attempt any more (cancellations.ts). */
export function createCancel({ db, depths, replica, tell }: Deps): TaskStore['cancel'] {
  const { cancellations } = replica;
  return async (taskId, at) => {
    for (;;) {
      const [taken] = await db.write(cancel, [taskId, at, replica.now()]);
      if (taken !== undefined) {
        depths.add(taken['lane'] as string, -1);
        const holder = taken['holder'] as string | null;
        if (holder === null) return 'cancelled';
        if (holder === replica.id) await cancellations.answer();
        else {
          tell('cancel', holder);
          await cancellations.settled(taskId, taken['start_by'] as number);
        }
        return 'cancelled';
      }
      const [known] = await db.read(look, [taskId]);
      if (known === undefined) return 'not_found';
      if (known['state'] === 'cancelled') {
        const startBy = known['start_by'] as number | null;
        if (startBy !== null) await cancellations.settled(taskId, startBy);
        return 'cancelled';
      }
      if (known['state'] !== 'scheduled') return 'finished';
      // It was just being stored or taken: once more.
    }
  };
}
