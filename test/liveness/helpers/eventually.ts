import { vi } from 'vitest';

/** Waits until `check` no longer throws. The limit is for hangs alone: a busy machine is slow, not wrong. */
export function eventually<T>(check: () => T | Promise<T>): Promise<T> {
  return vi.waitFor(check, { timeout: 60_000, interval: 10 });
}
