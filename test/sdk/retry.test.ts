import { describe, expect, it } from 'vitest';
import { jittered, parseRetryAfter, systemClock, withRetry } from '../../src/sdk/retry.ts';
import { AgentKitError } from '../../src/sdk/index.ts';

describe('parseRetryAfter', () => {
  const now = Date.parse('2026-01-01T00:00:00Z');
  it.each([
    ['0', 0],
    ['2', 2_000],
    [' 120 ', 120_000],
    ['Thu, 01 Jan 2026 00:00:30 GMT', 30_000],
    ['Wed, 31 Dec 2025 23:59:00 GMT', 0],
    ['-1', undefined],
    ['2.5', undefined],
    ['soon', undefined],
    ['', undefined],
    [null, undefined],
  ])('reads %j as %j ms', (value, expected) => {
    expect(parseRetryAfter(value, now)).toBe(expected);
  });
});

describe('withRetry', () => {
  function attempts(options: { delaysMs: number[]; retryAfterMs?: number; random?: number }) {
    const slept: number[] = [];
    const error = new AgentKitError('x', 'x', { retryAfterMs: options.retryAfterMs });
    const clock = {
      now: () => 0,
      random: () => options.random ?? 0.5,
      sleep: async (ms: number) => void slept.push(ms),
    };
    const run = withRetry(() => Promise.reject(error), {
      delaysMs: options.delaysMs,
      clock,
      retryable: () => true,
    });
    return run.catch(() => slept);
  }

  it('keeps to its list, with ±20 % jitter', async () => {
    expect(await attempts({ delaysMs: [100, 1000] })).toEqual([100, 1000]);
    expect([jittered(1000, 0), jittered(1000, 0.999999)]).toEqual([800, 1200]);
  });

  it('waits for as long as Retry-After asks, never shorter than its list, never for hours', async () => {
    expect(await attempts({ delaysMs: [100], retryAfterMs: 2000 })).toEqual([2000]);
    expect(await attempts({ delaysMs: [5000], retryAfterMs: 2000 })).toEqual([5000]);
    expect(await attempts({ delaysMs: [100], retryAfterMs: 86_400_000 })).toEqual([300_000]);
  });

  it('ends with code aborted when its signal is aborted while it waits', async () => {
    const controller = new AbortController();
    const run = withRetry(
      () => {
        setImmediate(() => {
          controller.abort();
        });
        return Promise.reject(new Error('first'));
      },
      {
        delaysMs: [3_600_000],
        clock: systemClock,
        signal: controller.signal,
        retryable: () => true,
      },
    );
    await expect(run).rejects.toMatchObject({ code: 'aborted' });
  });
});
