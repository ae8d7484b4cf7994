import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { Environment } from '../../src/config/config.ts';
import { runCli } from '../../src/cli/run.ts';
import { childEnv } from './child-env.ts';

export const LAUNCHER = join(import.meta.dirname, '../../bin/agentkit.js');

export interface CliResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** One command line in this process; `terminal` = stdout and stderr are one. */
export async function agentkit(
  args: readonly string[],
  { env = {}, terminal = false }: { env?: Environment; terminal?: boolean } = {},
): Promise<CliResult> {
  const said = { stdout: '', stderr: '' };
  const stream = (name: keyof typeof said) => ({
    isTTY: terminal,
    write: (text: string) => (said[name] += text),
  });
  const code = await runCli({ args, env, stdout: stream('stdout'), stderr: stream('stderr') });
  return { code, ...said };
}

export interface CliProcess {
  readonly child: ChildProcess;
  readonly ended: Promise<CliResult>;
  stdout(): string;
}

/** The command as it is installed, in a process that ends with the test. `node`: arguments for Node itself. */
export function spawnAgentkit(
  args: readonly string[],
  { env = {}, cwd, node = [] }: { env?: Environment; cwd?: string; node?: readonly string[] } = {},
): CliProcess {
  const child = spawn(process.execPath, [...node, LAUNCHER, ...args], {
    cwd,
    env: { ...childEnv, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said.stderr += text));
  const ended = new Promise<CliResult>((resolve) => {
    child.once('close', (code) => resolve({ code, ...said }));
  });
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  return { child, ended, stdout: () => said.stdout };
}
