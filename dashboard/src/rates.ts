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

/** @param at when it was told, ISO 8601: how much of the last step is over. */
export function lastMinute(
  { stepSeconds, accepted, delivered, failed }: Rates,
  at: string,
): LastMinute {
  const steps = Math.round(60 / stepSeconds);
  const sum = (values: readonly number[]) =>
    values.slice(-steps).reduce((total, value) => total + value, 0);
  const seconds = (steps - 1) * stepSeconds + ((Date.parse(at) / 1_000) % stepSeconds);
  const failures = sum(failed);
  const attempts = sum(delivered) + failures;
  return {
    acceptedPerSecond: sum(accepted) / seconds,
    attempts,
    failedShare: attempts === 0 ? 0 : failures / attempts,
  };
}
