import { afterEach } from 'vitest';
import { record } from '../../leaks/recording.ts';
import { createAgent, type Agent, type AgentOptions } from '../../../src/sdk/index.ts';
import { OPSCORE_KEY, startFakeOpscore, type FakeOpscore } from './fake-opscore.ts';
import { startFakeService, type FakeService } from './fake-service.ts';

const cleanups: (() => Promise<void>)[] = [];

/** Agents close before the servers that they talk to. */
export function cleanupAfterEach(): void {
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  });
}

export function closeLater<T extends { close(): Promise<void> }>(closable: T): T {
  cleanups.push(() => closable.close());
  return closable;
}

export interface World {
  readonly service: FakeService;
  readonly opscore: FakeOpscore;
  readonly log: string[];
  readonly agent: (options?: Partial<AgentOptions>) => Promise<Agent>;
}

/** A fake service and a fake Ops-Core, and agents between them that end with the test. */
export async function startWorld(
  fakes: {
    service?: Parameters<typeof startFakeService>[0];
    opscore?: Parameters<typeof startFakeOpscore>[0];
  } = {},
): Promise<World> {
  const service = closeLater(await startFakeService(fakes.service));
  const opscore = closeLater(await startFakeOpscore(fakes.opscore));
  const log: string[] = [];
  const note = (line: string): void => {
    record('log', 'an agent of the SDK', `${line}\n`);
    log.push(line);
  };
  return {
    service,
    opscore,
    log,
    agent: async (options = {}) =>
      closeLater(
        await createAgent({
          name: 'echo',
          version: '1.0.0',
          tasks: { echo: async (task) => task.parameters },
          baseUrl: service.url,
          opscoreApiUrl: opscore.url,
          opscoreApiKey: OPSCORE_KEY,
          logger: { info: note, warn: note, error: note },
          handleSignals: false,
          registerDelaysMs: [1],
          reportDelaysMs: [1, 1, 1],
          graceMs: 0,
          ...options,
        }),
      ),
  };
}

/** A promise and what settles it. */
export function gate(): { readonly opened: Promise<void>; open(): void } {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open };
}
