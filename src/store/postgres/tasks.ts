import type { Attempt, DeliveryState } from '../../outbox/delivery.ts';
import type { DeliveryRecord, TaskStore } from '../store.ts';
import { createCancel } from './cancel.ts';
import { sql, type Database, type Row } from './database.ts';
import type { LaneDepths } from './depths.ts';
import { createInsertTasks } from './insert-tasks.ts';
import type { Tell } from './hints.ts';
import type { PostgresReplica } from './replica.ts';

const COLUMNS = `d.*, s.due_at, s.lease_owner FROM deliveries d LEFT JOIN schedule s ON s.seq = d.seq`;

const get = sql('tasks_get', `SELECT ${COLUMNS} WHERE d.id = $1 AND d.kind = 'task'`);
const attempts = sql(
  'tasks_attempts',
  `SELECT a.* FROM deliveries d JOIN attempts a ON a.seq = d.seq WHERE d.id = $1 ORDER BY a.number`,
);
const list = sql(
  'tasks_list',
  `SELECT ${COLUMNS}
  WHERE d.agent_id = $1 AND d.kind = 'task' AND d.seq < $2 AND ($3::text IS NULL OR d.state = $3)
  ORDER BY d.seq DESC LIMIT $4`,
);

interface Deps {
  readonly db: Database;
  readonly depths: LaneDepths;
  readonly replica: PostgresReplica;
  readonly tell: Tell;
}

export function createTaskStore({ db, depths, replica, tell }: Deps) {
  const inserts = createInsertTasks(db, depths);
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

function toRecord(row: Row): DeliveryRecord {
  const waiting = row['state'] === 'scheduled' && row['lease_owner'] === null;
  return {
    id: row['id'] as string,
    kind: row['kind'] as DeliveryRecord['kind'],
    agentId: row['agent_id'] as string,
    name: row['name'] as string,
    state: row['state'] as DeliveryState,
    attemptCount: row['attempt_count'] as number,
    createdAt: row['created_at'] as number,
    finishedAt: row['finished_at'] as number | null,
    nextAttemptAt: waiting ? (row['due_at'] as number) : null,
    lastError: row['last_error'] as string | null,
  };
}

function toAttempt(row: Row): Attempt {
  return {
    number: row['number'] as number,
    startedAt: row['started_at'] as number,
    durationMs: row['duration_ms'] as number,
    outcome: row['outcome'] as Attempt['outcome'],
    statusCode: row['status_code'] as number | null,
    errorClass: row['error_class'] as Attempt['errorClass'],
    responseExcerpt: row['response_excerpt'] as string | null,
  };
}
