import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { agentkit } from '../helpers/cli.ts';

const { version } = JSON.parse(
  readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
) as { version: string };

it('prints its version and its help as data', async () => {
  expect(await agentkit(['--version'])).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
  const help = await agentkit(['--help']);
  expect(help).toMatchObject({ code: 0, stderr: '' });
  expect(help.stdout).toContain('serve');
});

it('answers a wrong command line with 2, on stderr alone', async () => {
  for (const args of [[], ['nope'], ['serve', '--nope'], ['serve', 'extra'], ['--nope']]) {
    const { code, stdout, stderr } = await agentkit(args);
    expect([args, code, stdout]).toEqual([args, 2, '']);
    expect(stderr).not.toBe('');
  }
  expect((await agentkit(['nope'])).stderr).toMatch(/^agentkit: unknown command 'nope'\n/);
});
