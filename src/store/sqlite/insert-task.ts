import { laneOf } from '../../outbox/delivery.ts';
import type { InsertTaskResult } from '../store.ts';
import type { TaskRow } from './writer-messages.ts';
import type { OperationDeps } from './writer-operations.ts';

/** Stores a task; whether its agent is there was looked at before. */
export function createInsertTask({ db, depths, insertDelivery }: OperationDeps) {
  const selectKey = db.prepare(
    'SELECT body_hash, task_id FROM idempotency_keys WHERE agent_id = ? AND key = ?',
  );
  const insertKey = db.prepare(`
    INSERT INTO idempotency_keys (agent_id, key, body_hash, task_id, created_at) VALUES (?, ?, ?, ?, ?)`);

  return (
    [
      id,
      agentId,
      name,
      createdAt,
      dueAt,
      traceparent,
      queueLimit,
      leaseOwner,
      leaseUntil,
      idempotency,
    ]: TaskRow,
    body: Uint8Array,
  ): InsertTaskResult => {
    if (idempotency !== null) {
      const known = selectKey.get(agentId, idempotency.key);
      if (known !== undefined) {
        return known['body_hash'] === idempotency.bodyHash
          ? { outcome: 'repeated', taskId: known['task_id'] as string }
          : { outcome: 'idempotency_conflict' };
      }
    }
    const lane = laneOf('task', agentId);
    if (depths.of(lane) >= queueLimit) return { outcome: 'queue_full' };
    if (idempotency !== null) {
      insertKey.run(agentId, idempotency.key, idempotency.bodyHash, id, createdAt);
    }
    const seq = insertDelivery(
      { id, kind: 'task', agentId, lane, name, createdAt, dueAt, body, traceparent },
      leaseOwner === null ? undefined : { owner: leaseOwner, until: leaseUntil },
    );
    return { outcome: 'inserted', seq, leased: leaseOwner !== null };
  };
}
