import type { Attempt, DeliveryKind, DeliveryState } from '../outbox/delivery.ts';
import type { Replay, ReplayState } from './delivery-store.ts';
import type { DeliveryRecord } from './store.ts';

type Row = Record<string, unknown>;

/** A delivery's row, with `due_at` and `lease_owner` while it is scheduled. */
export function toRecord(row: Row): DeliveryRecord {
  const waiting = row['state'] === 'scheduled' && row['lease_owner'] === null;
  return {
    id: row['id'] as string,
    kind: row['kind'] as DeliveryKind,
    agentId: row['agent_id'] as string,
    name: row['name'] as string,
    state: row['state'] as DeliveryState,
    attemptCount: row['attempt_count'] as number,
    createdAt: row['created_at'] as number,
    finishedAt: row['finished_at'] as number | null,
    nextAttemptAt: waiting ? (row['due_at'] as number) : null,
    lastError: row['last_error'] as string | null,
    errorClass: row['error_class'] as string | null,
  };
}

export function toAttempt(row: Row): Attempt {
  return {
    number: row['number'] as number,
    startedAt: row['started_at'] as number,
    durationMs: row['duration_ms'] as number,
    outcome: row['outcome'] as Attempt['outcome'],
    statusCode: row['status_code'] as number | null,
    errorClass: row['error_class'] as Attempt['errorClass'],
    responseExcerpt: row['response_excerpt'] as string | null,
    connectedMs: row['connected_ms'] as number | null,
    answeredMs: row['answered_ms'] as number | null,
    spanId: row['span_id'] as string | null,
  };
}

export function toReplay(row: Row): Replay {
  const given = Object.entries({
    kind: row['kind'] as DeliveryKind | null,
    agentId: row['agent_id'] as string | null,
    errorClass: row['error_class'] as string | null,
    since: row['since'] as number | null,
    until: row['until'] as number | null,
  }).filter(([, value]) => value !== null);
  return {
    id: row['id'] as string,
    state: row['state'] as ReplayState,
    filter: Object.fromEntries(given),
    createdAt: row['created_at'] as number,
    createdBy: row['created_by'] as string | null,
    finishedAt: row['finished_at'] as number | null,
    total: row['total'] as number,
    replayed: row['replayed'] as number,
    skipped: row['skipped'] as number,
  };
}

/** What an attempt, or the reason why there was none, leaves with its delivery. */
export function errorClassOf({
  state,
  attempt,
  lastError,
}: {
  readonly state: DeliveryState;
  readonly attempt?: Attempt;
  readonly lastError: string | null;
}): string | null {
  if (state === 'delivered') return null;
  return attempt === undefined ? lastError : attempt.errorClass;
}
