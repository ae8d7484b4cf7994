import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished, vi } from 'vitest';
import { childEnv } from '../../helpers/child-env.ts';
import { serviceEnvironment } from '../../helpers/environment.ts';
import { call, type Answer, type CallOptions } from './http.ts';
import type { Environment } from './service.ts';

const SERVER = join(import.meta.dirname, '../../../src/server.ts');

/** The service as a process of its own: for what depends on memory, output or exit codes. */
export interface ServiceProcess {
  readonly pid: number;
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** The exit code; null when a signal ended it. */
  readonly exited: Promise<number | null>;
  /** Where it listens, once it says that it is ready. */
  ready(): Promise<string>;
  call(method: string, path: string, options?: CallOptions): Promise<Answer>;
  /** Resident memory in bytes. */
  rss(): number;
  end(signal: NodeJS.Signals): Promise<number | null>;
}

/** Starts it in `dir`; nothing of this process's environment gets in. It does not outlive the test. */
export function spawnService(dir: string, env: Environment = {}): ServiceProcess {
  const child = spawn(process.execPath, [SERVER], {
    cwd: dir,
    env: { ...childEnv, PORT: '0', SHUTDOWN_GRACE: '1s', ...serviceEnvironment(env, dir) },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk: Buffer) => (output.stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output.stderr += chunk.toString()));
  const exited = once(child, 'close').then(([code]) => code as number | null);
  let url = '';

  const end = (signal: NodeJS.Signals) => {
    child.kill(signal);
    return exited;
  };
  onTestFinished(async () => void (await end('SIGKILL')));

  return {
    pid: child.pid ?? 0,
    stdout: () => output.stdout,
    stderr: () => output.stderr,
    exited,
    end,
    ready: async () => {
      let over = false;
      void exited.then(() => (over = true));
      await vi.waitFor(
        () => {
          const line = /"url":"(http[^"]+)".*"the service is ready"/.exec(output.stdout);
          if (line === null && !over) throw new Error('not ready yet');
          url = line?.[1] ?? '';
        },
        { timeout: 20_000, interval: 20 },
      );
      if (url === '') throw new Error(`it ended before it was ready: ${output.stderr}`);
      return url;
    },
    call: (method, path, options) => call(url, method, path, options),
    rss: () => {
      const status = readFileSync(`/proc/${child.pid ?? 0}/status`, 'utf8');
      return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
    },
  };
}
