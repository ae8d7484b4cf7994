import type { DeliveryFound } from '../deliveries/deliveries.ts';
import { shownHeaders } from '../dispatcher/headers.ts';
import type { Ping } from '../dispatcher/ping.ts';
import { withSpan } from '../dispatcher/traceparent.ts';
import type { Replay } from '../store/delivery-store.ts';
import type { DeliveryRecord } from '../store/store.ts';
import { attemptView, isoOrNull, recordView } from './views.ts';

const iso = (ms: number): string => new Date(ms).toISOString();

export function deliveryListItem(record: DeliveryRecord) {
  const { id, kind, errorClass } = record;
  return { deliveryId: id, kind, errorClass, ...recordView(record) };
}

export function deliveryView({
  record,
  attempts,
  bytes,
  traceparent,
  waitsFor,
  behind,
}: DeliveryFound) {
  return {
    ...deliveryListItem(record),
    bytes,
    waitsFor,
    behind,
    attempts: attempts.map((attempt) => ({
      ...attemptView(attempt),
      phases: phasesView(attempt),
      requestHeaders: shownHeaders(record, attempt, withSpan(traceparent, attempt.spanId)),
    })),
  };
}

/** Each phase ends where the next begins; the last at the end of the attempt. */
function phasesView(attempt: {
  readonly durationMs: number;
  readonly connectedMs: number | null;
  readonly answeredMs: number | null;
}) {
  const { durationMs, connectedMs, answeredMs } = attempt;
  const answered = connectedMs !== null && answeredMs !== null;
  return {
    connectMs: connectedMs,
    waitMs: answered ? Math.max(0, answeredMs - connectedMs) : null,
    bodyMs: answered ? Math.max(0, durationMs - answeredMs) : null,
  };
}

export function replayView(replay: Replay) {
  const { kind, agentId, errorClass, since, until } = replay.filter;
  return {
    replayId: replay.id,
    state: replay.state,
    filter: {
      ...(kind === undefined ? {} : { kind }),
      ...(agentId === undefined ? {} : { agentId }),
      ...(errorClass === undefined ? {} : { errorClass }),
      ...(since === undefined ? {} : { since: iso(since) }),
      ...(until === undefined ? {} : { until: iso(until) }),
    },
    total: replay.total,
    replayed: replay.replayed,
    skipped: replay.skipped,
    createdAt: iso(replay.createdAt),
    createdBy: replay.createdBy,
    finishedAt: isoOrNull(replay.finishedAt),
  };
}

export function pingView({ result, ...ping }: Ping) {
  return {
    outcome: ping.outcome,
    ok: ping.ok,
    explanation: ping.explanation,
    statusCode: result.statusCode,
    errorClass: ping.errorClass,
    durationMs: result.durationMs,
    phases: phasesView(result),
    responseExcerpt: result.responseExcerpt,
    requestHeaders: ping.requestHeaders,
    clockSkewSeconds: ping.clockSkewSeconds,
  };
}
