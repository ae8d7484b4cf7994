import { defineConfig } from 'vitest/config';
import { browserTests, leakNet } from './vitest.config.ts';

export default defineConfig({
  test: {
    include: browserTests,
    setupFiles: leakNet.setupFiles,
    globalSetup: [...leakNet.globalSetup, 'test/e2e/helpers/setup.ts'],
    teardownTimeout: leakNet.teardownTimeout,
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // One after the other: a browser and a service fill two cores.
    fileParallelism: false,
    restoreMocks: true,
  },
});
