import { AgentKitError } from './errors.ts';

/** Time and chance, passed in so that tests decide them. */
export interface Clock {
  /** Epoch milliseconds. */
  now(): number;
  /** Resolves after `ms`, or at once when `signal` is aborted; never rejects. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** From 0 to below 1. */
  random(): number;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  random: () => Math.random(),
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      if (signal?.aborted === true) return resolve();
      const done = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      signal?.addEventListener('abort', done);
    }),
};

/** So that many agents that lost one peer do not come back in step (contract section 6: ±20 %). */
const JITTER = 0.2;

/** A peer may slow us down, but not park us for a day. */
export const MAX_RETRY_AFTER_MS = 300_000;

/** Contract section 6: 408, 425, 429 and 5xx are tried again, every other status is final. */
export function isRetryableStatus(status: number): boolean {
  return status === 408 || status === 425 || status === 429 || status >= 500;
}

/** No answer at all, or one that may be different next time. */
export function isTransient(error: unknown): error is AgentKitError {
  if (!(error instanceof AgentKitError)) return false;
  if (error.code === 'network_error' || error.code === 'timeout') return true;
  return error.statusCode !== undefined && isRetryableStatus(error.statusCode);
}

/** `Retry-After` in either form of RFC 9110 section 10.2.3 (seconds, HTTP date), in ms from `now`. */
export function parseRetryAfter(value: string | null, now: number): number | undefined {
  if (value === null) return undefined;
  if (/^\d{1,9}$/.test(value.trim())) return Number(value) * 1000;
  // Date.parse also takes "-1" and "2.5"; an HTTP date has a colon in its time.
  const date = value.includes(':') ? Date.parse(value) : Number.NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

/** `ms` ± 20 %. */
export function jittered(ms: number, random: number): number {
  return Math.round(ms * (1 - JITTER + 2 * JITTER * random));
}

export interface RetryPolicy {
  /** The delay after attempt 1, after attempt 2, and so on; its end is the end of the attempts. */
  readonly delaysMs: readonly number[];
  /** Goes on for ever with the last delay. */
  readonly repeatLast?: boolean;
  readonly clock: Clock;
  readonly signal?: AbortSignal | undefined;
  retryable(error: unknown): boolean;
  onRetry?(error: unknown, delayMs: number): void;
}

/**
 * Runs `attempt` (given its number, from 1) until it resolves. Rejects with its last error, or with code
 * `aborted`. `Retry-After` lengthens a delay, to at most MAX_RETRY_AFTER_MS, and never shortens it.
 */
export async function withRetry<T>(
  attempt: (number: number) => Promise<T>,
  policy: RetryPolicy,
): Promise<T> {
  const { delaysMs, clock, signal } = policy;
  for (let number = 1; ; number += 1) {
    if (signal?.aborted === true)
      throw new AgentKitError('aborted', 'Aborted before the next attempt.');
    try {
      return await attempt(number);
    } catch (error) {
      const base =
        delaysMs[number - 1] ?? (policy.repeatLast === true ? delaysMs.at(-1) : undefined);
      if (base === undefined || !policy.retryable(error)) throw error;
      const asked = error instanceof AgentKitError ? (error.retryAfterMs ?? 0) : 0;
      const delayMs = Math.max(jittered(base, clock.random()), Math.min(asked, MAX_RETRY_AFTER_MS));
      policy.onRetry?.(error, delayMs);
      await clock.sleep(delayMs, signal);
    }
  }
}
