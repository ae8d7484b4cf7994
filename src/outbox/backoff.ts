/** Jitter of ±20 % (contract section 6): agents that failed together do not come back together. */
const JITTER = 0.2;

/** An answer may ask for patience, but not park a delivery for ever. */
const MAX_RETRY_AFTER_MS = 24 * 3_600_000;

/**
 * The delay before the next attempt, in milliseconds.
 * @param schedule delays between attempts; n delays make n + 1 attempts.
 * @param attemptNumber the attempt that failed, from 1.
 * @param retryAfterMs what the answer asked for: never sooner than that, nor sooner than the schedule.
 * @param random a number in [0, 1).
 * @returns undefined when the schedule is exhausted.
 */
export function nextDelay(
  schedule: readonly number[],
  attemptNumber: number,
  retryAfterMs: number | undefined,
  random: () => number,
): number | undefined {
  const delay = schedule[attemptNumber - 1];
  if (delay === undefined) return undefined;
  const jittered = Math.round(delay * (1 - JITTER + 2 * JITTER * random()));
  return Math.max(jittered, Math.min(retryAfterMs ?? 0, MAX_RETRY_AFTER_MS));
}
