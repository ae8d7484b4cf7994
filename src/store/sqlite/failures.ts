import type { DatabaseSync } from 'node:sqlite';
import type { DeliveryState } from '../../outbox/delivery.ts';

/** A delivery `d` as it is listed and shown (delivery-rows.ts). */
export const RECORD = `d.*, f.error_class FROM deliveries AS d LEFT JOIN failures AS f ON f.seq = d.seq`;

/** The upkeep of the table of what failed; called inside a transaction. */
export function createFailures(db: DatabaseSync) {
  const note = db.prepare(`
    INSERT INTO failures (seq, state, agent_id, error_class) VALUES (?, ?, ?, ?)
    ON CONFLICT (seq) DO UPDATE SET state = excluded.state, error_class = excluded.error_class`);
  const cancel = db.prepare(`
    INSERT INTO failures (seq, state, agent_id) VALUES (?, 'cancelled', ?)
    ON CONFLICT (seq) DO UPDATE SET state = 'cancelled'`);
  const again = db.prepare("UPDATE failures SET state = 'scheduled' WHERE seq = ?");
  const forget = db.prepare('DELETE FROM failures WHERE seq = ?');

  return {
    note(seq: number, state: DeliveryState, lane: string, errorClass: string | null): void {
      note.run(seq, state, lane.slice(lane.indexOf(':') + 1), errorClass);
    },
    /** By somebody; what failed before still did. */
    cancelled(seq: number, agentId: string): void {
      cancel.run(seq, agentId);
    },
    /** It is sent again. */
    again(seq: number): void {
      again.run(seq);
    },
    /** Under its first lease a delivery has no failure yet: nothing is looked up. */
    delivered(seq: number, epoch: number): void {
      if (epoch > 1) forget.run(seq);
    },
  };
}

export type Failures = ReturnType<typeof createFailures>;
