import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { childEnv } from './child-env.ts';
import { serviceEnvironment, type Environment } from './environment.ts';

export { tempDir } from './temp-dir.ts';
export type { Environment };

const SERVER = join(import.meta.dirname, '../../src/server.ts');

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface LogLine {
  readonly level: number;
  readonly msg: string;
  readonly [field: string]: unknown;
}

/** A process of the service: real, with a working directory of its own, ended with the test that started it. */
export interface ServiceProcess {
  readonly pid: number;
  readonly exited: Promise<Exit>;
  stdout(): string;
  stderr(): string;
  /** The lines of its log so far. */
  log(): LogLine[];
  /** Sends the signal and waits for the end. */
  end(signal: NodeJS.Signals): Promise<Exit>;
}

export interface Service extends ServiceProcess {
  readonly url: string;
  /** Names it in leases. */
  readonly replica: string;
  /** From the start line to the line that says it is ready, in milliseconds. */
  readonly readyAfterMs: number;
}

interface Place {
  /** Working directory; the database file lives in it, so a second start in the same place goes on with it. */
  readonly dir: string;
  readonly env?: Environment;
  /** A file that stdout goes to; without, it is read here. */
  readonly stdoutTo?: string;
}

/** Starts the service and leaves it to succeed or to fail. Nothing of this process's environment gets in. */
export function spawnService({ dir, env = {}, stdoutTo }: Place): ServiceProcess {
  const file = stdoutTo === undefined ? undefined : openSync(stdoutTo, 'a');
  const child = spawn(process.execPath, [SERVER], {
    cwd: dir,
    env: { ...childEnv, PORT: '0', ...serviceEnvironment(env, dir) },
    stdio: ['ignore', file ?? 'pipe', 'pipe'],
  });
  if (file !== undefined) closeSync(file);
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.setEncoding('utf8').on('data', (text: string) => (output[name] += text));
  }
  const stdout = () =>
    stdoutTo === undefined ? output.stdout : readFileSync(stdoutTo, { encoding: 'utf8' });
  // 'close' and not 'exit': by then its output is complete.
  const exited = new Promise<Exit>((resolve) => {
    child.once('close', (code, signal) => resolve({ code, signal }));
  });
  const reap = () => child.kill('SIGKILL');
  process.once('exit', reap);
  void exited.then(() => process.removeListener('exit', reap));
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await exited;
  });
  return {
    pid: child.pid ?? 0,
    exited,
    stdout,
    stderr: () => output.stderr,
    log: () =>
      stdout()
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line) as LogLine),
    end: (signal) => {
      child.kill(signal);
      return exited;
    },
  };
}

/** Starts the service and waits until it says that it is ready, and where. */
export async function startService(place: Place): Promise<Service> {
  const start = performance.now();
  const process = spawnService(place);
  let ended: Exit | undefined;
  void process.exited.then((exit) => (ended = exit));
  for (;;) {
    const ready = /"url":"([^"]+)".*"replica":"([^"]+)".*"msg":"the service is ready"/.exec(
      process.stdout(),
    );
    if (ready !== null) {
      const [, url = '', replica = ''] = ready;
      return { ...process, url, replica, readyAfterMs: performance.now() - start };
    }
    if (ended !== undefined) {
      throw new Error(`the service ended (${JSON.stringify(ended)}): ${process.stderr()}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
