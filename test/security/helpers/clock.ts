import type { Clock } from '../../../src/clock.ts';

/** A clock that moves only when the test says so; it starts at the real time, which stock verifiers look at. */
export interface ManualClock extends Clock {
  advance(ms: number): void;
}

export function manualClock(): ManualClock {
  let now = Date.now();
  return {
    now: () => now,
    wall: () => now,
    advance: (ms) => {
      now += ms;
    },
  };
}

export const SECOND = 1_000;
export const HOUR = 3_600_000;
