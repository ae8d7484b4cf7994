import { defineConfig } from 'vitest/config';
import { faultTests } from './vitest.config.ts';

/** All of them in 10 minutes; with FAULTS=short in 75 seconds. test/faults/harness/experiment.ts says what else to set. */
export default defineConfig({
  test: {
    include: faultTests,
    globalSetup: ['test/helpers/postgres-setup.ts'],
    testTimeout: 120_000,
    hookTimeout: 30_000,
    // One after the other: each of them uses all cores, and leases and deadlines are real.
    fileParallelism: false,
    restoreMocks: true,
  },
});
