import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseDuration, parseSchedule } from '../../src/config/duration.ts';

describe('parseDuration', () => {
  it.each([
    ['0s', 0],
    ['500ms', 500],
    ['5s', 5_000],
    ['2m', 120_000],
    ['1h', 3_600_000],
    ['7d', 604_800_000],
    [' 5s ', 5_000],
    ['365d', 31_536_000_000],
  ])('reads %j as %d ms', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  it.each(['', '5', 's', '5 s', '-5s', '1.5s', '5S', '5sec', '1h30m', '5w', '366d', '9e9s', '٥s'])(
    'refuses %j',
    (text) => {
      expect(parseDuration(text)).toBeUndefined();
    },
  );

  it('reads every whole number of every unit, and never says more than 365 days', () => {
    const units = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
    fc.assert(
      fc.property(
        fc.nat(100_000_000),
        fc.constantFrom(...(Object.keys(units) as (keyof typeof units)[])),
        (count, unit) => {
          const ms = count * units[unit];
          expect(parseDuration(`${count}${unit}`)).toBe(ms <= 31_536_000_000 ? ms : undefined);
        },
      ),
    );
  });
});

describe('parseSchedule', () => {
  it('reads durations separated by commas, in their order, with or without spaces', () => {
    expect(parseSchedule('5s,30s, 2m ,500ms')).toEqual([5_000, 30_000, 120_000, 500]);
    expect(parseSchedule('1s')).toEqual([1_000]);
  });

  it.each(['', ',', '5s,', ',5s', '5s,,30s', '5s;30s', '5s,soon'])('refuses %j', (text) => {
    expect(parseSchedule(text)).toBeUndefined();
  });

  it('takes up to 100 delays', () => {
    expect(parseSchedule(Array<string>(100).fill('1s').join())).toHaveLength(100);
    expect(parseSchedule(Array<string>(101).fill('1s').join())).toBeUndefined();
  });
});
