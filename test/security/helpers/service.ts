import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { Clock } from '../../../src/clock.ts';
import { loadConfig, type Config } from '../../../src/config/config.ts';
import { createService, type Service } from '../../../src/service.ts';
import { serviceEnvironment, type Environment } from '../../helpers/environment.ts';
import { testLog, type LogLine } from '../../helpers/log.ts';
import { call, type Answer, type CallOptions } from './http.ts';
import { makeTempDir, removeDir } from './temp-dir.ts';

export type { Environment };

/** The service in this process, on a port and a database of its own. */
export interface Running {
  readonly url: string;
  readonly dir: string;
  readonly service: Service;
  /** What it has logged so far. */
  readonly log: readonly LogLine[];
  call(method: string, path: string, options?: CallOptions): Promise<Answer>;
  /** Registers an agent; fails the test when that fails. */
  register(registration?: Record<string, unknown>, token?: string): Promise<RegisteredAgent>;
  stop(): Promise<void>;
}

export interface RegisteredAgent {
  readonly agentId: string;
  readonly agentName: string;
  readonly agentToken: string;
  readonly signingSecret: string;
}

export interface StartOptions {
  /** Goes on with the database of an earlier start; whoever gives one removes it. */
  readonly dir?: string;
  readonly clock?: Clock;
  /** Changes what the environment cannot say. */
  readonly config?: Partial<Config>;
  /** For a service that lives longer than one test: the caller stops it, which removes its folder. */
  readonly shared?: true;
}

let names = 0;

export async function startService(
  env: Environment = {},
  options: StartOptions = {},
): Promise<Running> {
  const dir = options.dir ?? makeTempDir();
  // Also after a start that fails.
  if (options.dir === undefined && options.shared !== true) onTestFinished(() => removeDir(dir));
  const config = {
    ...loadConfig(
      serviceEnvironment({
        PORT: '0',
        DATABASE_URL: `sqlite:${join(dir, 'agentkit.db')}`,
        SHUTDOWN_GRACE: '1s',
        ...env,
      }),
    ),
    ...options.config,
  };
  const log: LogLine[] = [];
  const service = await createService(
    config,
    testLog((line) => log.push(line)),
    options.clock,
  );
  let stopped: Promise<void> | undefined;
  const stop = () =>
    (stopped ??= service.close().finally(() => {
      if (options.shared === true) removeDir(dir);
    }));
  if (options.shared !== true) onTestFinished(stop);
  await service.listen();
  const url = reachable(service.url());
  const running: Running = {
    url,
    dir,
    service,
    log,
    stop,
    call: (method, path, callOptions) => call(url, method, path, callOptions),
    register: async (registration = {}, token) => {
      const answer = await running.call('POST', '/v1/agents/register', {
        token,
        body: anAgent(registration),
      });
      if (answer.status !== 201) throw new Error(`not registered: ${answer.text}`);
      return answer.json.data as RegisteredAgent;
    },
  };
  return running;
}

/** A valid registration; nothing listens at its address. */
export function anAgent(changes: Record<string, unknown> = {}): Record<string, unknown> {
  names += 1;
  return {
    agentName: `agent-${names}`,
    version: '1.0.0',
    contactEndpoint: 'http://127.0.0.1:9/tasks',
    ...changes,
  };
}

/** A server that listens everywhere says so; a client has to choose an address. */
function reachable(url: string): string {
  return url.replace('//0.0.0.0:', '//127.0.0.1:').replace('//[::]:', '//[::1]:');
}
