import { availableParallelism } from 'node:os';
import { configDefaults, defineConfig } from 'vitest/config';

/** Agents, services and commands that come, vanish and come back as processes: `npm run test:system`. */
export const systemTests = ['test/liveness/**/*.test.ts', 'test/cli/system/**/*.test.ts'];

/** Experiments with processes that are killed and stopped, and with what fails around them: `npm run test:faults`. */
export const faultTests = ['test/faults/**/*.test.ts'];

/** The dashboard in a real browser: `npm run test:e2e`. */
export const browserTests = ['test/e2e/**/*.test.ts'];

/** Every run searches what it said and stored for the secrets that it was told (test/leaks). */
export const leakNet = {
  setupFiles: ['test/leaks/worker.ts'],
  globalSetup: ['test/leaks/setup.ts'],
  teardownTimeout: 60_000,
};

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Threads of the service go by it: each would load the compiler of TypeScript for itself, which takes 0.1 s.
    env: { NODE_COMPILE_CACHE: 'node_modules/.cache/agentkit-tests' },
    exclude: [...configDefaults.exclude, ...systemTests, ...faultTests, ...browserTests],
    ...leakNet,
    globalSetup: [...leakNet.globalSetup, 'test/helpers/postgres-setup.ts'],
    // Real servers, files and child processes: generous limits, but never a timed assertion.
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // A file waits for retries and child processes more than it computes: half as many again as there are cores. (A
    // percentage is never more than all of them.)
    maxWorkers: Math.ceil(availableParallelism() * 1.5),
    // Files share a worker with its modules: starting one for each took a fifth of the run.
    isolate: false,
    restoreMocks: true,
  },
});
