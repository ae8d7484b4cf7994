import { describe, expect, it } from 'vitest';
import { Rates } from '../../src/overview/rates.ts';
import { manualClock } from '../helpers/manual-clock.ts';

describe('the rates', () => {
  it('count in steps of five seconds, the oldest first, over ten minutes', () => {
    const clock = manualClock(1_000_000);
    const rates = new Rates(clock);
    rates.count('accepted', 3);
    clock.advance(5_000);
    rates.count('accepted');
    rates.count('failed', 2);
    const { accepted, delivered, failed } = rates.history();
    expect(accepted).toHaveLength(120);
    expect(accepted.slice(-3)).toEqual([0, 3, 1]);
    expect(failed.slice(-2)).toEqual([0, 2]);
    expect(delivered.every((count) => count === 0)).toBe(true);
  });

  it('forget what is older, however long nothing happened', () => {
    const clock = manualClock(1_000_000);
    const rates = new Rates(clock);
    rates.count('accepted', 7);
    clock.advance(595_000);
    expect(rates.history().accepted[0]).toBe(7);
    clock.advance(5_000);
    expect(rates.history().accepted.every((count) => count === 0)).toBe(true);
    rates.count('accepted');
    clock.advance(3_600_000);
    expect(rates.history().accepted.every((count) => count === 0)).toBe(true);
  });

  it('go on in the same step when the clock goes back', () => {
    const clock = manualClock(1_000_000);
    const rates = new Rates(clock);
    rates.count('accepted');
    clock.advance(-60_000);
    rates.count('accepted');
    expect(rates.history().accepted.at(-1)).toBe(2);
  });
});
