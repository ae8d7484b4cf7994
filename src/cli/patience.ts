import type { AgentKitError } from '../sdk/errors.ts';
import { pause } from './pause.ts';

/** What passes by itself: the service restarts, or has too much to do. */
const PASSING = new Set([
  'network_error',
  'timeout',
  'draining',
  'overloaded',
  'store_unavailable',
  'rate_limited',
]);

/** A restart with a large database takes some seconds, and a person a minute to give the command. */
const PATIENCE_MS = 120_000;
const PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 5_000;

/**
 * Asks again for as long as the service is away, up to two minutes; only for requests that may be sent twice.
 * @throws what `ask` throws that does not pass, or that has not passed; or nothing of it after Ctrl-C.
 */
export async function patiently<T>(
  ask: () => Promise<T>,
  signal: AbortSignal,
  onAway: () => void = () => undefined,
): Promise<T> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      const { code, retryAfterMs } = error as Partial<AgentKitError>;
      const passes = typeof code === 'string' && PASSING.has(code);
      if (!passes || signal.aborted || performance.now() > deadline) throw error;
      onAway();
      await pause(Math.min(retryAfterMs ?? PAUSE_MS, LONGEST_PAUSE_MS), signal);
    }
  }
}
