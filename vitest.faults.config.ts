import { defineConfig } from 'vitest/config';
import { faultTests } from './vitest.config.ts';

const short = process.env['FAULTS'] === 'short';

/** All of them in 10 minutes; with FAULTS=short in one. test/faults/harness/experiment.ts says what else to set. */
export default defineConfig({
  test: {
    include: faultTests,
    globalSetup: ['test/helpers/postgres-setup.ts'],
    testTimeout: 120_000,
    hookTimeout: 30_000,
    // One after the other: each of them uses all cores, and leases and deadlines are real. The short form is less about
    // figures than about what goes wrong, and waits for leases most of the time.
    fileParallelism: short,
    maxWorkers: 2,
    restoreMocks: true,
  },
});
