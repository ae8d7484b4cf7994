import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { systemClock, type Clock } from '../../../src/clock.ts';
import { loadConfig } from '../../../src/config/config.ts';
import { createService, type Service } from '../../../src/service.ts';
import { AgentKitClient } from '../../../src/sdk/index.ts';
import { serviceEnvironment } from '../../helpers/environment.ts';
import { testLog } from '../../helpers/log.ts';
import { startChild, tempDir, type Child, type Environment } from './child.ts';

const SERVER = join(import.meta.dirname, '../../../src/server.ts');

/** No pruning, no noise, and limits that a test does not run into. */
const BASE: Environment = { LOG_LEVEL: 'info', RATE_LIMIT: '1000000', SHUTDOWN_GRACE: '1s' };

export interface ServiceProcess {
  readonly url: string;
  readonly cwd: string;
  readonly client: AgentKitClient;
  readonly child: () => Child;
  /** Starts it again, at the same port, on the same file. */
  start(env?: Environment): Promise<void>;
}

/** The service as a process of its own, on a file of its own. */
export async function startServiceProcess(env: Environment = {}): Promise<ServiceProcess> {
  const cwd = tempDir();
  let port = '0';
  let child = run({});
  const first = await child.line('the service is ready');
  const url = String(first['url']);
  port = new URL(url).port;

  function run(extra: Environment): Child {
    return startChild(SERVER, {
      cwd,
      env: serviceEnvironment({ ...BASE, PORT: port, ...env, ...extra }, cwd),
    });
  }

  return {
    url,
    cwd,
    client: new AgentKitClient({ baseUrl: url }),
    child: () => child,
    start: async (extra = {}) => {
      child = run(extra);
      await child.line('the service is ready');
    },
  };
}

export interface InProcess {
  readonly service: Service;
  readonly client: AgentKitClient;
  readonly url: string;
  close(): Promise<void>;
}

/** The service in this process: for an injected clock, and for looking inside. `dir` keeps its file for a next start. */
export async function startService(
  env: Environment = {},
  { clock = systemClock(), dir = tempDir() }: { clock?: Clock; dir?: string } = {},
): Promise<InProcess> {
  const config = loadConfig(
    serviceEnvironment({
      ...BASE,
      PORT: '0',
      DATABASE_URL: `sqlite:${join(dir, 'agentkit.db')}`,
      ...env,
    }),
  );
  const service = await createService(config, testLog(), clock);
  await service.listen();
  let closed: Promise<void> | undefined;
  const close = () => (closed ??= service.close());
  onTestFinished(close);
  const url = service.url();
  return { service, client: new AgentKitClient({ baseUrl: url }), url, close };
}

/** A clock that runs by itself and can be made to jump. */
export function jumpingClock(): Clock & { jump(ms: number): void } {
  const real = systemClock();
  let offset = 0;
  return {
    now: () => real.now() + offset,
    wall: () => real.wall() + offset,
    jump: (ms) => {
      offset += ms;
    },
  };
}
