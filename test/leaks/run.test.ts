import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { childEnv } from '../helpers/child-env.ts';

const ROOT = join(import.meta.dirname, '../..');
const VITEST = join(ROOT, 'node_modules/vitest/vitest.mjs');
const CONFIG = join(import.meta.dirname, 'planted/vitest.config.ts');

it('a run of tests that all pass fails when a secret is found in what it said, and says which and where', async () => {
  const run = promisify(execFile)(process.execPath, [VITEST, 'run', '--config', CONFIG], {
    cwd: ROOT,
    env: { ...childEnv, NO_COLOR: '1' },
  });
  const { code, stdout, stderr } = (await run.catch((error: unknown) => error)) as {
    code?: number;
    stdout: string;
    stderr: string;
  };
  expect(stdout).toContain('1 passed');
  expect(stderr).toMatch(/1 secret in clear.*\n +OPSCORE_API_KEY, in a log: a service in the/);
  expect(stderr).toContain('test file: test/leaks/planted/leaking.ts');
  expect(stderr).toContain('"key":"sentinel-OPSCORE_API_KEY-«OPSCORE_API_KEY»"');
  expect(stdout + stderr).not.toMatch(/OPSCORE_API_KEY-[0-9a-f]/);
  expect(code).toBe(1);
});
