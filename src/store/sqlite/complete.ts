import { isOrdered, type Attempt } from '../../outbox/delivery.ts';
import { errorClassOf } from '../delivery-rows.ts';
import type { Operations } from './writer-messages.ts';
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

  function recordAttempt(seq: number, attempt: Attempt | undefined): void {
    if (attempt === undefined) return;
    insertAttempt.run(
      seq,
      attempt.number,
      attempt.startedAt,
      attempt.durationMs,
      attempt.outcome,
      attempt.statusCode,
      attempt.errorClass,
      attempt.responseExcerpt,
      attempt.connectedMs,
      attempt.answeredMs,
      attempt.spanId,
    );
  }

  return (
    { completion, followUp }: Operations['complete']['request'],
    followUpBody: Uint8Array | undefined,
  ): 'done' | 'stale' => {
    const { seq, epoch, lane, attempt } = completion;
    const finishedAt = completion.state === 'scheduled' ? null : completion.finishedAt;
    const dueAt = completion.state === 'scheduled' ? completion.dueAt : completion.finishedAt;
    const { changes } = complete.run(
      completion.state,
      dueAt,
      attempt?.number ?? null,
      completion.unburnt === true ? 1 : 0,
      finishedAt,
      completion.lastError,
      seq,
      epoch,
    );
    if (changes === 0) {
      // Cancelled while its attempt was in flight: the state stays, but the attempt did happen.
      if (attempt !== undefined && countAttempt.run(attempt.number, seq, epoch).changes === 1) {
        recordAttempt(seq, attempt);
      }
      return 'stale';
    }
    recordAttempt(seq, attempt);
    if (completion.state === 'delivered') failures.delivered(seq, epoch);
    else failures.note(seq, completion.state, lane, errorClassOf(completion));
    if (finishedAt !== null) depths.add(lane, -1);
    if (finishedAt === null || isOrdered(lane)) lanes.lower(lane, dueAt);
    if (followUp !== undefined && followUpBody !== undefined) {
      insertDelivery({ ...followUp, body: followUpBody });
    }
    return 'done';
  };
}
