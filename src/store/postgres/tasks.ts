import { toAttempt, toRecord } from '../delivery-rows.ts';
import type { TaskStore } from '../store.ts';
import { createCancel } from './cancel.ts';
import { sql, type Database } from './database.ts';
import { ATTEMPTS, RECORD } from './delivery-columns.ts';
import type { LaneDepths } from './depths.ts';
import { createInsertTasks } from './insert-tasks.ts';
import type { Tell } from './hints.ts';
import type { PostgresReplica } from './replica.ts';

const get = sql('tasks_get', `SELECT ${RECORD} WHERE d.id = $1 AND d.kind = 'task'`);
const attempts = sql('tasks_attempts', ATTEMPTS);
const list = sql(
  'tasks_list',
  `SELECT ${RECORD}
  WHERE d.agent_id = $1 AND d.kind = 'task' AND d.seq < $2 AND ($3::text IS NULL OR d.state = $3)
  ORDER BY d.seq DESC LIMIT $4`,
);

interface Deps {
  readonly db: Database;
  readonly depths: LaneDepths;
  readonly replica: PostgresReplica;
  readonly tell: Tell;
  readonly onBatch?: ((writes: number) => void) | undefined;
}

export function createTaskStore({ db, depths, replica, tell, onBatch }: Deps) {
  const inserts = createInsertTasks(db, depths, onBatch);
  const tasks: TaskStore = {
    insert: async (task, options) => {
      const result = await inserts.run({ task, ...options });
      // This replica has no room for it; another may.
      if (result.outcome === 'inserted' && !result.leased) tell('due', '');
      return result;
    },
    get: async (taskId) => {
      // Attempts after the record: one more than it counts is possible, one that is missing is not.
      const [row] = await db.read(get, [taskId]);
      if (row === undefined) return undefined;
      return {
        record: toRecord(row),
        attempts: (await db.read(attempts, [taskId])).map(toAttempt),
      };
    },
    listOfAgent: async (agentId, { limit, before, state }) => {
      const rows = await db.read(list, [
        agentId,
        before === null ? Number.MAX_SAFE_INTEGER : Number(before),
        state ?? null,
        limit + 1,
      ]);
      const last = rows.length > limit ? rows[limit - 1] : undefined;
      return {
        items: rows.slice(0, limit).map(toRecord),
        next: last === undefined ? null : String(last['seq']),
      };
    },
    cancel: createCancel({ db, depths, replica, tell }),
  };
  return { tasks, drained: () => inserts.drained() };
}
