import { setTimeout as sleep } from 'node:timers/promises';

/** Waits, but not beyond Ctrl-C. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
}
