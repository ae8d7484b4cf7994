import { defineConfig } from 'vitest/config';
import { leakNet, systemTests } from './vitest.config.ts';

export default defineConfig({
  test: {
    include: systemTests,
    ...leakNet,
    testTimeout: 60_000,
    hookTimeout: 30_000,
    // One after the other: they are about leases of a second or two, which a neighbour's load must not use up.
    fileParallelism: false,
    restoreMocks: true,
  },
});
