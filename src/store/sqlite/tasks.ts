import type { DatabaseSync } from 'node:sqlite';
import type { DeliveryState } from '../../outbox/delivery.ts';
import { toAttempt, toRecord } from '../delivery-rows.ts';
import type { TaskStore } from '../store.ts';
import type { AgentCache } from './agent-cache.ts';
import type { DepthChanges } from './depths.ts';
import { RECORD, type Failures } from './failures.ts';
import type { GroupCommit } from './group-commit.ts';

export function createTaskStore(
  db: DatabaseSync,
  commit: GroupCommit,
  cache: AgentCache,
  depths: DepthChanges,
  failures: Failures,
): TaskStore {
  const select = db.prepare(`SELECT ${RECORD} WHERE d.id = ? AND d.kind = 'task'`);
  const selectAttempts = db.prepare('SELECT * FROM attempts WHERE seq = ? ORDER BY number');
  const list = db.prepare(`
    SELECT ${RECORD}
    WHERE d.agent_id = :agentId AND d.kind = 'task' AND d.seq < :before AND (:state IS NULL OR d.state = :state)
    ORDER BY d.seq DESC LIMIT :limit`);
  const cancel = db.prepare(`
    UPDATE deliveries SET state = 'cancelled', finished_at = ?, lease_owner = NULL WHERE seq = ?`);

  return {
    insert: async (task, { lease, idempotency, queueLimit }) => {
      const { id, agentId, name, createdAt, dueAt, traceparent, body } = task;
      try {
        const { content } = await commit.send('insertTask', () => {
          const agent = cache.get(agentId);
          if (agent === undefined || agent.status === 'deregistering') throw NO_AGENT;
          // The tasks of an agent that is offline, unreachable or paused wait: its lane is held.
          const held = agent.status !== 'online' || agent.pausedAt !== null;
          const taken = held ? undefined : lease;
          return {
            request: [
              id,
              agentId,
              name,
              createdAt,
              dueAt,
              traceparent,
              queueLimit,
              taken?.owner ?? null,
              taken?.until ?? 0,
              idempotency ?? null,
            ],
            bodies: [body],
          };
        });
        return content;
      } catch (error) {
        if (error === NO_AGENT) return { outcome: 'agent_not_found' };
        throw error;
      }
    },

    get: async (taskId) => {
      const row = select.get(taskId);
      if (row === undefined) return undefined;
      return {
        record: toRecord(row),
        attempts: selectAttempts.all(row['seq'] as number).map(toAttempt),
      };
    },

    listOfAgent: async (agentId, { limit, before, state }) => {
      const rows = list.all({
        agentId,
        before: before === null ? Number.MAX_SAFE_INTEGER : Number(before),
        state: state ?? null,
        limit: limit + 1,
      });
      const last = rows.length > limit ? rows[limit - 1] : undefined;
      return {
        items: rows.slice(0, limit).map(toRecord),
        next: last === undefined ? null : String(last['seq']),
      };
    },

    cancel: (taskId, at) =>
      commit.run(() => {
        const row = select.get(taskId);
        if (row === undefined) return 'not_found';
        const state = row['state'] as DeliveryState;
        if (state === 'cancelled') return 'cancelled';
        if (state !== 'scheduled') return 'finished';
        cancel.run(at, row['seq'] as number);
        failures.cancelled(row['seq'] as number, row['agent_id'] as string);
        depths.add(row['lane'] as string, -1);
        return 'cancelled';
      }),
  };
}

const NO_AGENT = new Error('the agent is not there');
