import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { Environment } from '../../src/config/config.ts';
import { runCli } from '../../src/cli/run.ts';
import { record } from '../leaks/recording.ts';
import { childEnv } from './child-env.ts';

export const LAUNCHER = join(import.meta.dirname, '../../bin/agentkit.js');

export interface CliResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliCircumstances {
  readonly env?: Environment;
  /** stdout and stderr are one. */
  readonly terminal?: boolean;
  /** What somebody at the keyboard says to a question; '' is no answer. */
  readonly answer?: string;
  readonly now?: () => number;
  readonly interrupted?: AbortSignal;
  /** What there is to read, by path; `-` is stdin. */
  readonly files?: Readonly<Record<string, string | Buffer>>;
  /** It may show a secret, once: its stdout is not searched for secrets. */
  readonly handsOut?: boolean;
  readonly onStdout?: (text: string) => void;
  readonly onStderr?: (text: string) => void;
}

/** One command line in this process. */
export async function agentkit(
  args: readonly string[],
  { env = {}, terminal = false, files = {}, ...given }: CliCircumstances = {},
): Promise<CliResult> {
  const said = { stdout: '', stderr: '' };
  const stream = (name: keyof typeof said, onText: (text: string) => void = () => undefined) => ({
    isTTY: terminal,
    columns: 100,
    write: (text: string) => {
      if (name === 'stderr' || given.handsOut !== true) record('log', `agentkit ${name}`, text);
      said[name] += text;
      onText(text);
    },
  });
  const { answer } = given;
  const code = await runCli({
    args,
    env,
    stdout: stream('stdout', given.onStdout),
    stderr: stream('stderr', given.onStderr),
    ...(answer === undefined ? {} : { ask: askedOn(stream('stderr'), answer) }),
    now: given.now ?? Date.now,
    interrupted: () => given.interrupted ?? new AbortController().signal,
    readInput: async (path) => {
      const content = files[path];
      if (content === undefined) throw new Error('there is no such file');
      return Buffer.from(content);
    },
  });
  return { code, ...said };
}

function askedOn(stream: { write(text: string): void }, answer: string) {
  return async (question: string) => {
    stream.write(`${question}\n`);
    return answer;
  };
}

/** The JSON document that a command printed. */
export function dataOf<T>({ stdout }: CliResult): T {
  return JSON.parse(stdout) as T;
}

export interface CliProcess {
  readonly child: ChildProcess;
  readonly ended: Promise<CliResult>;
  stdout(): string;
  stderr(): string;
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
  return { child, ended, stdout: () => said.stdout, stderr: () => said.stderr };
}
