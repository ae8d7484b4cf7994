import type { Clock } from '../clock.ts';

export const STEP_SECONDS = 5;
const STEP_MS = STEP_SECONDS * 1_000;

/** Ten minutes. */
const STEPS = 120;

const EVENTS = ['accepted', 'delivered', 'failed'] as const;

/** Accepted deliveries; attempts that delivered, and that did not. */
export type RateEvent = (typeof EVENTS)[number];

/** How many there were in each step, the oldest first; the last one has not ended. */
export type RateHistory = Readonly<Record<RateEvent, readonly number[]>>;

/**
 * Counts what this process does, in steps over the last minutes. There is no timer: a step begins with the first event in
 * it, so an idle service does nothing, and a busy one adds to a number.
 */
export class Rates {
  readonly #clock: Clock;
  readonly #counts: Record<RateEvent, Float64Array>;
  /** Of the step that was written last, since the epoch. */
  #step: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#counts = {
      accepted: new Float64Array(STEPS),
      delivered: new Float64Array(STEPS),
      failed: new Float64Array(STEPS),
    };
    this.#step = this.#now();
  }

  count(event: RateEvent, times = 1): void {
    const counts = this.#counts[event];
    counts[this.#advance()] = (counts[this.#step % STEPS] ?? 0) + times;
  }

  history(): RateHistory {
    const last = this.#advance();
    const inOrder = (counts: Float64Array) => [
      ...counts.subarray(last + 1),
      ...counts.subarray(0, last + 1),
    ];
    return {
      accepted: inOrder(this.#counts.accepted),
      delivered: inOrder(this.#counts.delivered),
      failed: inOrder(this.#counts.failed),
    };
  }

  #now(): number {
    return Math.floor(this.#clock.now() / STEP_MS);
  }

  /** Empties the steps that passed without an event. @returns the place of the present one. */
  #advance(): number {
    const now = this.#now();
    const passed = Math.min(now - this.#step, STEPS);
    for (let i = 0; i < passed; i += 1) {
      for (const event of EVENTS) this.#counts[event][(now - i) % STEPS] = 0;
    }
    // A clock that went back goes on in the step that there was.
    this.#step = Math.max(this.#step, now);
    return this.#step % STEPS;
  }
}
