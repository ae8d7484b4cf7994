import { defineConfig } from 'vitest/config';
import { leakNet, systemTests } from './vitest.config.ts';

export default defineConfig({
  test: {
    include: systemTests,
    ...leakNet,
    testTimeout: 60_000,
    hookTimeout: 30_000,
    // They wait for leases of a second or two, and compute little: two at a time use up nobody's lease.
    maxWorkers: 2,
    isolate: false,
    restoreMocks: true,
  },
});
