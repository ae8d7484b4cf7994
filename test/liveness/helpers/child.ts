import { spawn } from 'node:child_process';
import { onTestFinished } from 'vitest';
import type { Environment } from '../../helpers/environment.ts';
import { eventually } from './eventually.ts';

export { tempDir } from '../../helpers/temp-dir.ts';
export type { Environment };

export type Line = Readonly<Record<string, unknown>>;

/** A process of this test, killed with it. */
export interface Child {
  readonly pid: number;
  /** The JSON lines of its output so far. */
  lines(): Line[];
  /** The first line with this `msg`, once it is there. */
  line(msg: string): Promise<Line>;
  signal(signal: NodeJS.Signals): void;
  /** Sends the signal and waits for the end. */
  end(signal: NodeJS.Signals): Promise<void>;
}

/** Runs a script; nothing of this process's environment gets in but PATH. */
export function startChild(script: string, { cwd, env }: { cwd: string; env: Environment }): Child {
  const process_ = spawn(process.execPath, [script], {
    cwd,
    env: { PATH: process.env['PATH'] ?? '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [process_.stdout, process_.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  }
  const exited = new Promise<void>((resolve) => process_.once('close', () => resolve()));
  const end = async (signal: NodeJS.Signals) => {
    process_.kill(signal);
    await exited;
  };
  onTestFinished(() => end('SIGKILL'));
  const lines = () =>
    output
      .split('\n')
      .filter((line) => line.startsWith('{') && line.endsWith('}'))
      .map((line) => JSON.parse(line) as Line);
  return {
    pid: process_.pid ?? 0,
    lines,
    line: (msg) =>
      eventually(() => {
        const found = lines().find((line) => line['msg'] === msg);
        if (found === undefined) throw new Error(`no "${msg}" in: ${output.slice(-2000)}`);
        return found;
      }),
    signal: (signal) => {
      process_.kill(signal);
    },
    end,
  };
}
