import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createLiveness } from '../../src/registry/liveness.ts';
import { createReplica } from '../../src/store/sqlite/replica.ts';
import { testLog } from '../helpers/log.ts';
import { manualClock } from '../helpers/manual-clock.ts';
import { openSqlite } from '../helpers/open-store.ts';
import { anAgent } from '../helpers/records.ts';
import { insertAgent } from '../helpers/store.ts';
import { tempDir } from '../helpers/temp-dir.ts';
import { until } from '../helpers/until.ts';

/** A replica whose agent's lease ended a moment ago. `ledAt`: what the store says when it leads. */
async function setup(led: { ledAt: number | null } | undefined) {
  const clock = manualClock();
  const real = openSqlite(join(tempDir(), 'agentkit.db'));
  const now = clock.now();
  let leading = led;
  let asked = 0;
  const store = {
    ...real,
    replica: {
      ...createReplica(),
      lead: async () => {
        asked += 1;
        return leading;
      },
    },
  };
  const agent = anAgent({ leaseSeconds: 30, leaseExpiresAt: now - 1 });
  await insertAgent(store, agent);
  const liveness = createLiveness({
    store,
    clock,
    log: testLog(),
    deregistration: { expire: async () => undefined, resume: async () => undefined },
    worker: { releaseLane: async () => undefined },
    agentExpiry: 600_000,
  });
  onTestFinished(async () => {
    await liveness.stop();
    await real.close();
  });
  return {
    clock,
    liveness,
    sweeps: () => asked,
    lead: (next: { ledAt: number | null }) => (leading = next),
    agent: async () => {
      const found = await real.agents.get(agent.agentId);
      if (found === undefined) throw new Error('the agent is gone');
      return found;
    },
  };
}

const now = manualClock().now();

describe('of several replicas', () => {
  it('one that does not lead blames nobody, and when it takes over it was there all along', async () => {
    const kit = await setup(undefined);
    kit.liveness.start();
    await until(() => kit.sweeps() === 1);
    expect((await kit.agent()).status).toBe('online');
    // Nor does it look again and again because of the lease that has ended.
    const looked = performance.now();
    await until(() => performance.now() - looked > 50);
    expect(kit.sweeps()).toBe(1);
    kit.clock.advance(1_000);
    kit.lead({ ledAt: now - 4_000 });
    kit.liveness.watch({ leaseExpiresAt: kit.clock.now() });
    await until(async () => (await kit.agent()).status === 'offline');
  });

  it('one that starts while another has been leading blames at once who is late', async () => {
    const kit = await setup({ ledAt: now - 1_000 });
    kit.liveness.start();
    await until(async () => (await kit.agent()).status === 'offline');
  });

  it.each([now - 3_000, null])(
    'the first to lead after nobody did (%s) grants every lease a full period',
    async (ledAt) => {
      const kit = await setup({ ledAt });
      kit.liveness.start();
      await until(async () => (await kit.agent()).leaseExpiresAt === now + 30_000);
      expect((await kit.agent()).status).toBe('online');
    },
  );
});
