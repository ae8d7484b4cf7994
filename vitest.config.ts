import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Real servers, files and child processes: generous limits, but never a timed assertion.
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // A file waits for retries and child processes more than it computes: one per core, and not one less.
    maxWorkers: '100%',
    restoreMocks: true,
  },
});
