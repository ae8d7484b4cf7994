import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nextDelay } from '../../src/outbox/backoff.ts';

const SCHEDULE = [1_000, 5_000, 60_000];
const middle = () => 0.5;
const HOUR = 3_600_000;

/** What a source of randomness may yield: [0, 1). */
const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const schedules = fc.array(fc.nat(24 * HOUR), { minLength: 1, maxLength: 12 });

describe('nextDelay', () => {
  it('takes the delay that follows the failed attempt', () => {
    expect([1, 2, 3].map((n) => nextDelay(SCHEDULE, n, undefined, middle))).toEqual(SCHEDULE);
  });

  it('is undefined once the schedule is exhausted: n delays make n + 1 attempts', () => {
    expect(nextDelay(SCHEDULE, 4, undefined, middle)).toBeUndefined();
    expect(nextDelay(SCHEDULE, 5, undefined, middle)).toBeUndefined();
    expect(nextDelay([], 1, undefined, middle)).toBeUndefined();
  });

  it('spreads over the whole of ±20 %', () => {
    expect(nextDelay([1_000], 1, undefined, () => 0)).toBe(800);
    expect(nextDelay([1_000], 1, undefined, () => 1 - Number.EPSILON)).toBe(1_200);
  });

  it('stays within ±20 % of the schedule, in whole milliseconds', () => {
    fc.assert(
      fc.property(schedules, fc.nat(11), chance, (schedule, index, random) => {
        const delay = schedule[index];
        const got = nextDelay(schedule, index + 1, undefined, () => random);
        if (delay === undefined) {
          expect(got).toBeUndefined();
          return;
        }
        expect(Number.isInteger(got)).toBe(true);
        expect(got).toBeGreaterThanOrEqual(Math.floor(delay * 0.8));
        expect(got).toBeLessThanOrEqual(Math.ceil(delay * 1.2));
      }),
    );
  });

  describe('with Retry-After', () => {
    it('waits as long as it was asked to, when that is longer', () => {
      expect(nextDelay(SCHEDULE, 1, 30_000, middle)).toBe(30_000);
    });

    it('keeps to the schedule when that is longer: an eager server does not shorten it', () => {
      expect(nextDelay(SCHEDULE, 3, 1_000, middle)).toBe(60_000);
      expect(nextDelay(SCHEDULE, 3, 0, middle)).toBe(60_000);
    });

    it('never comes sooner than asked, whatever the jitter', () => {
      fc.assert(
        fc.property(schedules, fc.nat(24 * HOUR), chance, (schedule, asked, random) => {
          expect(nextDelay(schedule, 1, asked, () => random)).toBeGreaterThanOrEqual(asked);
        }),
      );
    });

    it('is not parked for more than a day', () => {
      expect(nextDelay(SCHEDULE, 1, 365 * 24 * HOUR, middle)).toBe(24 * HOUR);
    });

    it('does not add an attempt to an exhausted schedule', () => {
      expect(nextDelay(SCHEDULE, 4, 1_000, middle)).toBeUndefined();
    });
  });
});
