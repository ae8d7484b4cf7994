import type { InsertTaskResult } from '../store.ts';
import type { Operations } from './writer-messages.ts';
import type { OperationDeps } from './writer-operations.ts';

/** Stores a task; whether its agent is there was looked at before. */
export function createInsertTask({ db, depths, insertDelivery }: OperationDeps) {
  const selectKey = db.prepare(
    'SELECT body_hash, task_id FROM idempotency_keys WHERE agent_id = ? AND key = ?',
  );
  const insertKey = db.prepare(`
    INSERT INTO idempotency_keys (agent_id, key, body_hash, task_id, created_at) VALUES (?, ?, ?, ?, ?)`);

  return (
    { task, lease, idempotency, queueLimit }: Operations['insertTask']['request'],
    body: Uint8Array,
  ): InsertTaskResult => {
    if (idempotency !== undefined) {
      const known = selectKey.get(task.agentId, idempotency.key);
      if (known !== undefined) {
        return known['body_hash'] === idempotency.bodyHash
          ? { outcome: 'repeated', taskId: known['task_id'] as string }
          : { outcome: 'idempotency_conflict' };
      }
    }
    if (depths.of(task.lane) >= queueLimit) return { outcome: 'queue_full' };
    if (idempotency !== undefined) {
      insertKey.run(task.agentId, idempotency.key, idempotency.bodyHash, task.id, task.createdAt);
    }
    const seq = insertDelivery({ ...task, body }, lease);
    return { outcome: 'inserted', seq, leased: lease !== undefined };
  };
}
