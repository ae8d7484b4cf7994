import { describe, expect, it } from 'vitest';
import { faultsOf } from '../../dashboard/src/failing.ts';
import { lastMinute, perSecond } from '../../dashboard/src/rates.ts';
import { atLeast, percent, reason, relative } from '../../dashboard/src/words.ts';

describe('the last minute', () => {
  const steps = (...last: number[]) => [...Array<number>(120 - last.length).fill(0), ...last];

  it('counts what has begun, over the time that it has taken', () => {
    const rates = {
      stepSeconds: 5,
      accepted: steps(999, ...Array<number>(11).fill(10), 6),
      delivered: steps(3),
      failed: steps(1),
    };
    // Eleven whole steps and three seconds: 116 in 58 s.
    const { acceptedPerSecond, attempts, failedShare } = lastMinute(rates, '2026-11-23T03:04:38Z');
    expect(acceptedPerSecond).toBe(2);
    expect(attempts).toBe(4);
    expect(failedShare).toBe(0.25);
  });

  it('has no share where there was no attempt, and no rate of a step that has not ended', () => {
    const rates = { stepSeconds: 5, accepted: steps(), delivered: steps(), failed: steps() };
    expect(lastMinute(rates, '2026-11-23T03:04:38Z')).toEqual({
      acceptedPerSecond: 0,
      attempts: 0,
      failedShare: 0,
    });
    expect(perSecond([10, 5, 999], 5)).toEqual([2, 1]);
  });
});

it('one thing to mend is one line, the most first', () => {
  const one = {
    kind: 'webhook',
    state: 'dead',
    errorClass: 'http_status',
    lastError: 'http_503',
    count: 3,
    more: false,
    oldestAt: '2026-11-23T03:00:00.000Z',
  };
  const faults = faultsOf([
    { ...one, kind: 'task', errorClass: 'timeout', lastError: 'unreachable', count: 4 },
    one,
    { ...one, lastError: 'http_401', count: 1, oldestAt: '2026-11-23T02:00:00.000Z' },
    { ...one, state: 'scheduled', count: 2, more: true },
  ]);
  expect(faults).toEqual([
    {
      kind: 'webhook',
      errorClass: 'http_status',
      reasons: ['answered with 503', 'answered with 401'],
      dead: { count: 4, more: false },
      waiting: { count: 2, more: true },
      oldestAt: '2026-11-23T02:00:00.000Z',
    },
    expect.objectContaining({ kind: 'task', reasons: ['no answer in time'], waiting: null }),
  ]);
});

it('words', () => {
  expect(relative(1_000, 61_500)).toBe('1 min ago');
  expect(relative(7_300_000, 0)).toBe('in 2 h');
  expect(relative(400, 0)).toBe('now');
  expect(atLeast({ count: 2_000, more: true })).toBe('2,000+');
  expect(percent(0.004)).toBe('< 1 %');
  expect(reason('connection_refused', 'unreachable')).toBe('connection refused');
  // One that a later version has.
  expect(reason('quantum', null)).toBe('quantum');
});
