import { execFileSync } from 'node:child_process';
import { expect, it, vi } from 'vitest';
import { agentkit, LAUNCHER } from '../helpers/cli.ts';
import { childEnv } from '../helpers/child-env.ts';

/** What may come next, as the scripts ask for it; the library prints by console.log. */
async function after(...words: string[]): Promise<string[]> {
  const log = vi.spyOn(console, 'log').mockImplementation(() => undefined);
  expect((await agentkit(['complete', '--', ...words])).code).toBe(0);
  const lines = log.mock.calls.map(([line]) => String(line).split('\t')[0] ?? '');
  log.mockRestore();
  return lines.filter((line) => !line.startsWith(':'));
}

it('offers commands, options and their values', async () => {
  expect(await after('st')).toEqual(['status']);
  expect(await after('deliveries', 're')).toEqual(['retry', 'replay']);
  expect(await after('deliveries', 'list', '--kind', '')).toEqual([
    'webhook',
    'task',
    'state_report',
  ]);
  expect(await after('run', '--t')).toEqual(['--task']);
  expect(await after('completion', '')).toEqual(['bash', 'zsh', 'fish']);
  expect(await after('comp')).toEqual(['completion']);
});

it('works in a real bash', () => {
  const script = `
    agentkit() { "${process.execPath}" "${LAUNCHER}" "$@"; }
    compopt() { :; } # Only where a key was pressed.
    source <(agentkit completion bash)
    COMP_WORDS=(agentkit agents re) COMP_CWORD=2 COMP_LINE='agentkit agents re' COMP_POINT=18
    $(complete -p agentkit | sed 's/.*-F \\([^ ]*\\) .*/\\1/')
    printf '%s\\n' "\${COMPREPLY[@]}"`;
  const said = execFileSync('bash', ['--norc', '-c', script], {
    env: { ...childEnv },
    encoding: 'utf8',
  });
  expect(said.split(/\s+/).filter((word) => /^re/.test(word))).toEqual([
    'register',
    'remove',
    'resume',
  ]);
});

it('knows no other shell', async () => {
  expect(await agentkit(['completion', 'tcsh'])).toMatchObject({ code: 2, stdout: '' });
});
