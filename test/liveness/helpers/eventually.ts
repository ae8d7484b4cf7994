import { vi } from 'vitest';

// Processes, leases of seconds and thousands of tasks, on a machine that has other things to do.
vi.setConfig({ testTimeout: 120_000 });

/** Waits until `check` no longer throws. The limit is for hangs alone: a busy machine is slow, not wrong. */
export function eventually<T>(check: () => T | Promise<T>): Promise<T> {
  return vi.waitFor(check, { timeout: 60_000, interval: 10 });
}
