import { nextDelay } from './backoff.ts';
import type { Attempt } from './delivery.ts';
import type { SendRequest, SendResult } from './sending.ts';

/** What follows from an attempt. */
export type Verdict =
  | { readonly state: 'delivered' }
  | { readonly state: 'scheduled'; readonly delayMs: number }
  | { readonly state: 'dead' };

/** Retried besides network errors and 5xx (contract section 6); every other status is final. */
const RETRIED_STATUSES = new Set([408, 425, 429]);

/**
 * Applies the delivery rules of contract section 6 to one attempt. Pure.
 * @param retriedStatuses further statuses that are retried for this delivery (a 404 of an early state report).
 */
export function judge(
  result: SendResult,
  attemptNumber: number,
  schedule: readonly number[],
  random: () => number,
  retriedStatuses?: ReadonlySet<number>,
): Verdict {
  // Our own shutdown cut it off: that is nobody's failure, and must not be the end of a delivery.
  if (result.errorClass === 'interrupted') return { state: 'scheduled', delayMs: 0 };
  const status = result.statusCode;
  if (status !== null) {
    if (status >= 200 && status < 300) return { state: 'delivered' };
    const retried =
      status >= 500 || RETRIED_STATUSES.has(status) || retriedStatuses?.has(status) === true;
    if (!retried) return { state: 'dead' };
  }
  const delayMs = nextDelay(schedule, attemptNumber, result.retryAfterMs, random);
  return delayMs === undefined ? { state: 'dead' } : { state: 'scheduled', delayMs };
}

/** The record of an attempt. */
export function toAttempt(
  request: Pick<SendRequest, 'headers'>,
  result: SendResult,
  number: number,
  verdict: Verdict,
): Attempt {
  const outcomes = { delivered: 'delivered', scheduled: 'retry', dead: 'failed' } as const;
  return {
    number,
    startedAt: result.startedAt,
    durationMs: result.durationMs,
    outcome: outcomes[verdict.state],
    statusCode: result.statusCode,
    errorClass: verdict.state === 'delivered' ? null : (result.errorClass ?? 'http_status'),
    responseExcerpt: result.responseExcerpt,
    connectedMs: result.connectedMs,
    answeredMs: result.answeredMs,
    // W3C Trace Context: version, trace, span, flags.
    spanId: request.headers['traceparent']?.split('-')[2] ?? null,
  };
}

/**
 * The last error in one word for lists and reports: `http_503`, or `unreachable` however it was so. What is told of a
 * target that gave no answer must not tell a closed port from a silent one; the attempt itself has the class.
 */
export function errorWord(attempt: Attempt): string | null {
  if (attempt.outcome === 'delivered') return null;
  return attempt.statusCode === null ? 'unreachable' : `http_${attempt.statusCode}`;
}
