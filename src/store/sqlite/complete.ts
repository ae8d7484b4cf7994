import { isOrdered } from '../../outbox/delivery.ts';
import type { CompletionRow } from './writer-messages.ts';
import type { OperationDeps } from './writer-operations.ts';

/** Records an attempt and what follows from it. */
export function createComplete({ db, lanes, depths, failures, insertDelivery }: OperationDeps) {
  // The epoch alone does not tell: it grows with the next lease, not with the end of this one.
  const complete = db.prepare(`
    UPDATE deliveries
    SET state = ?, due_at = ?, lease_owner = NULL, attempt_count = coalesce(?, attempt_count),
      unburnt_count = unburnt_count + ?, finished_at = ?, last_error = ?
    WHERE seq = ? AND epoch = ? AND state = 'scheduled' AND lease_owner IS NOT NULL`);
  const countAttempt = db.prepare(`
    UPDATE deliveries SET attempt_count = ?1
    WHERE seq = ?2 AND epoch = ?3 AND state = 'cancelled' AND attempt_count < ?1`);
  const insertAttempt = db.prepare(`
    INSERT INTO attempts
      (seq, number, started_at, duration_ms, outcome, status_code, error_class, response_excerpt,
        connected_ms, answered_ms, span_id)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`);

  return (
    [seq, epoch, lane, state, at, lastError, errorClass, unburnt, attempt, followUp]: CompletionRow,
    followUpBody: Uint8Array | undefined,
  ): 'done' | 'stale' => {
    const finishedAt = state === 'scheduled' ? null : at;
    const number = attempt === null ? null : attempt[0];
    const { changes } = complete.run(
      state,
      at,
      number,
      unburnt ? 1 : 0,
      finishedAt,
      lastError,
      seq,
      epoch,
    );
    if (changes === 0) {
      // Cancelled while its attempt was in flight: the state stays, but the attempt did happen.
      if (attempt !== null && countAttempt.run(number, seq, epoch).changes === 1) {
        insertAttempt.run(seq, ...attempt);
      }
      return 'stale';
    }
    if (attempt !== null) insertAttempt.run(seq, ...attempt);
    if (state === 'delivered') failures.delivered(seq, epoch);
    else failures.note(seq, state, lane, errorClass);
    if (finishedAt !== null) depths.add(lane, -1);
    if (finishedAt === null || isOrdered(lane)) lanes.lower(lane, at);
    if (followUp !== null && followUpBody !== undefined) {
      insertDelivery({ ...followUp, body: followUpBody });
    }
    return 'done';
  };
}
