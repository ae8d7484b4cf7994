import type { DatabaseSync } from 'node:sqlite';
import { isOrdered, type NewDelivery } from '../../outbox/delivery.ts';
import type { Lease } from '../store.ts';
import type { DepthChanges } from './depths.ts';
import type { Lanes } from './lanes.ts';

export type InsertDelivery = (
  delivery: NewDelivery,
  lease?: Pick<Lease, 'owner' | 'until'>,
) => number;

/** Writes a delivery into its lane; called inside a transaction. Returns its seq. */
export function createInsertDelivery(
  db: DatabaseSync,
  lanes: Lanes,
  depths: DepthChanges,
): InsertDelivery {
  const insertRow = db.prepare(`
    INSERT INTO deliveries
      (id, kind, agent_id, lane, ordered, name, state, due_at, lease_owner, epoch, attempt_count, created_at)
    VALUES (?, ?, ?, ?, ?, ?, 'scheduled', ?, ?, ?, 0, ?)`);
  const insertPayload = db.prepare(
    'INSERT INTO payloads (seq, body, traceparent) VALUES (?, ?, ?)',
  );

  return (delivery, lease) => {
    const dueAt = lease?.until ?? delivery.dueAt;
    const { lastInsertRowid } = insertRow.run(
      delivery.id,
      delivery.kind,
      delivery.agentId,
      delivery.lane,
      isOrdered(delivery.lane) ? 1 : 0,
      delivery.name,
      dueAt,
      lease?.owner ?? null,
      lease === undefined ? 0 : 1,
      delivery.createdAt,
    );
    const seq = Number(lastInsertRowid);
    insertPayload.run(seq, delivery.body, delivery.traceparent);
    lanes.lower(delivery.lane, dueAt);
    depths.add(delivery.lane, 1);
    return seq;
  };
}
