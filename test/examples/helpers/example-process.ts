import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { childEnv } from '../../helpers/child-env.ts';
import { ENCRYPTION_KEY } from '../../helpers/secrets.ts';
import { eventually } from '../../sdk/helpers/eventually.ts';

export const EXAMPLES = join(import.meta.dirname, '../../../examples');

export interface ExampleProcess {
  readonly exited: Promise<number | NodeJS.Signals>;
  stdout(): string;
  stderr(): string;
  /** The lines of its log with this `msg`. */
  lines(msg: string): Record<string, unknown>[];
  /** The first line with this `msg`, once it is there. */
  line(msg: string): Promise<Record<string, unknown>>;
  tell(line: string): void;
  kill(signal: NodeJS.Signals): void;
}

/** One of the examples as its own process, ended with the test. Nothing of our environment that it would read gets in. */
export function startExample(script: string, env: Record<string, string> = {}): ExampleProcess {
  const child = spawn(process.execPath, [join(EXAMPLES, script)], {
    // The demo gives it to the service: what that stores is searched for secrets.
    env: { ...childEnv, DEMO_SERVICE_AGENTKIT_ENCRYPTION_KEY: ENCRYPTION_KEY, ...env },
  });
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => (output[name] += text));
  }
  const exited = new Promise<number | NodeJS.Signals>((resolve) => {
    child.once('close', (code, signal) => {
      resolve(code ?? signal ?? 1);
    });
  });
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await exited;
  });
  const lines = (msg: string) =>
    output.stdout
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .filter((line) => line['msg'] === msg);
  return {
    exited,
    stdout: () => output.stdout,
    stderr: () => output.stderr,
    lines,
    line: (msg) =>
      eventually(() => {
        const [line] = lines(msg);
        if (line === undefined) throw new Error(`no "${msg}": ${output.stdout}${output.stderr}`);
        return line;
      }),
    tell: (line) => {
      child.stdin.write(`${line}\n`);
    },
    kill: (signal) => {
      child.kill(signal);
    },
  };
}
