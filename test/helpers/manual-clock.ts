import type { Clock } from '../../src/clock.ts';

/** A clock that moves only when the test says so; wall and scheduling time go together. */
export interface ManualClock extends Clock {
  advance(ms: number): void;
}

export function manualClock(start = Date.parse('2026-01-01T00:00:00Z')): ManualClock {
  let now = start;
  return {
    now: () => now,
    wall: () => now,
    advance: (ms) => {
      now += ms;
    },
  };
}
