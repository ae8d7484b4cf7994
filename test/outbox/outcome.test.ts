import { describe, expect, it } from 'vitest';
import type { ErrorClass } from '../../src/outbox/delivery.ts';
import { errorWord, judge, toAttempt } from '../../src/outbox/outcome.ts';
import type { SendResult } from '../../src/outbox/sending.ts';

const SCHEDULE = [1_000, 5_000];
const middle = () => 0.5;

function answered(statusCode: number, retryAfterMs?: number): SendResult {
  return {
    startedAt: 1_000,
    durationMs: 12,
    connectedMs: 2,
    answeredMs: 10,
    statusCode,
    errorClass: null,
    retryAfterMs,
    responseExcerpt: 'text',
  };
}

function failed(errorClass: ErrorClass): SendResult {
  return {
    startedAt: 1_000,
    durationMs: 12,
    connectedMs: null,
    answeredMs: null,
    statusCode: null,
    errorClass,
    retryAfterMs: undefined,
    responseExcerpt: null,
  };
}

const verdict = (result: SendResult, attempt = 1, retried?: ReadonlySet<number>) =>
  judge(result, attempt, SCHEDULE, middle, retried);

/** Statuses from `first` to `last` that are not among `except`. */
function statuses(first: number, last: number, except: readonly number[] = []): number[] {
  return Array.from({ length: last - first + 1 }, (_, i) => first + i).filter(
    (status) => !except.includes(status),
  );
}

describe('judge, by contract section 6', () => {
  it('any 2xx is delivered', () => {
    for (const status of statuses(200, 299)) {
      expect(verdict(answered(status)), String(status)).toEqual({ state: 'delivered' });
    }
  });

  it('a redirect is final, and so is what remains of 1xx', () => {
    for (const status of [...statuses(300, 399), 101]) {
      expect(verdict(answered(status)), String(status)).toEqual({ state: 'dead' });
    }
  });

  it('a 4xx is final, 410 and 404 included', () => {
    for (const status of statuses(400, 499, [408, 425, 429])) {
      expect(verdict(answered(status)), String(status)).toEqual({ state: 'dead' });
    }
  });

  it('408, 425, 429 and every 5xx are retried', () => {
    for (const status of [408, 425, 429, ...statuses(500, 599)]) {
      const expected = { state: 'scheduled', delayMs: 1_000 };
      expect(verdict(answered(status)), String(status)).toEqual(expected);
    }
  });

  it.each<ErrorClass>([
    'timeout',
    'connection_refused',
    'connection_reset',
    'dns',
    'tls',
    'blocked_address',
    'network',
  ])('without an answer (%s) it is retried', (errorClass) => {
    expect(verdict(failed(errorClass))).toEqual({ state: 'scheduled', delayMs: 1_000 });
  });

  it('the last attempt of the schedule is followed by none', () => {
    expect(verdict(answered(503), 2)).toEqual({ state: 'scheduled', delayMs: 5_000 });
    expect(verdict(answered(503), 3)).toEqual({ state: 'dead' });
    expect(verdict(failed('timeout'), 3)).toEqual({ state: 'dead' });
    expect(verdict(answered(200), 3)).toEqual({ state: 'delivered' });
  });

  it('what our own shutdown cut off is tried again at once, even after the last attempt', () => {
    expect(verdict(failed('interrupted'))).toEqual({ state: 'scheduled', delayMs: 0 });
    expect(verdict(failed('interrupted'), 3)).toEqual({ state: 'scheduled', delayMs: 0 });
  });

  it('honours Retry-After of 429 and 503', () => {
    const patient = { state: 'scheduled', delayMs: 60_000 };
    expect(verdict(answered(429, 60_000))).toEqual(patient);
    expect(verdict(answered(503, 60_000))).toEqual(patient);
  });

  it('a delivery may have further statuses that are retried, within the same schedule', () => {
    const early = new Set([404]);
    expect(verdict(answered(404), 1, early)).toEqual({ state: 'scheduled', delayMs: 1_000 });
    expect(verdict(answered(404), 3, early)).toEqual({ state: 'dead' });
    expect(verdict(answered(410), 1, early)).toEqual({ state: 'dead' });
  });
});

describe('the record of an attempt', () => {
  it('tells what was answered', () => {
    const result = answered(503);
    const headers = { traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01' };
    expect(toAttempt({ headers }, result, 2, verdict(result, 2))).toEqual({
      number: 2,
      startedAt: 1_000,
      durationMs: 12,
      outcome: 'retry',
      statusCode: 503,
      errorClass: 'http_status',
      responseExcerpt: 'text',
      connectedMs: 2,
      answeredMs: 10,
      spanId: '00f067aa0ba902b7',
    });
  });

  it.each([
    ['delivered', answered(204), 1, null, null],
    ['retry', answered(503), 1, 'http_status', 'http_503'],
    ['failed', answered(503), 3, 'http_status', 'http_503'],
    ['failed', answered(404), 1, 'http_status', 'http_404'],
    ['failed', answered(302), 1, 'http_status', 'http_302'],
    ['retry', failed('timeout'), 1, 'timeout', 'unreachable'],
    ['failed', failed('dns'), 3, 'dns', 'unreachable'],
    ['failed', failed('connection_refused'), 3, 'connection_refused', 'unreachable'],
    ['failed', failed('blocked_address'), 3, 'blocked_address', 'unreachable'],
    ['retry', failed('interrupted'), 3, 'interrupted', 'unreachable'],
  ] as const)('%s: %o', (outcome, result, number, errorClass, word) => {
    const attempt = toAttempt({ headers: {} }, result, number, verdict(result, number));
    expect(attempt).toMatchObject({ outcome, errorClass, number });
    expect(errorWord(attempt)).toBe(word);
  });
});
