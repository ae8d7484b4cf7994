import type { Rates } from './overview.ts';

/** The last step has not ended, and tells too little: it is left out. */
export function perSecond(values: readonly number[], stepSeconds: number): readonly number[] {
  return values.slice(0, -1).map((value) => value / stepSeconds);
}

export interface LastMinute {
  readonly acceptedPerSecond: number;
  readonly attempts: number;
  /** Of the attempts, 0 to 1. */
  readonly failedShare: number;
}

export function lastMinute({ stepSeconds, accepted, delivered, failed }: Rates): LastMinute {
  // Whole steps, and the one that has begun: what happens now is seen now.
  const steps = Math.round(60 / stepSeconds);
  const sum = (values: readonly number[]) =>
    values.slice(-steps - 1).reduce((total, value) => total + value, 0);
  const failures = sum(failed);
  const attempts = sum(delivered) + failures;
  return {
    acceptedPerSecond: accepted.slice(-steps - 1, -1).reduce((total, value) => total + value, 0) / 60,
    attempts,
    failedShare: attempts === 0 ? 0 : failures / attempts,
  };
}
