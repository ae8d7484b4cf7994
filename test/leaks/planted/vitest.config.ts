import { defineConfig } from 'vitest/config';
import { leakNet } from '../../../vitest.config.ts';

/** A run of one test that passes and leaks; run.test.ts sees it fail. */
export default defineConfig({
  test: { include: ['test/leaks/planted/leaking.ts'], ...leakNet },
});
