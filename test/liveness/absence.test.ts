import { describe, expect, it } from 'vitest';
import { deadUrl, startAgentProcess } from './helpers/agents.ts';
import { tempDir } from './helpers/child.ts';
import { eventually } from './helpers/eventually.ts';
import { startOpscore } from './helpers/opscore.ts';
import { jumpingClock, startService, startServiceProcess } from './helpers/service.ts';

// The service itself was away: nobody may be blamed for heartbeats that it could not hear.

describe('the service, down for longer than every lease and than AGENT_EXPIRY, then up,', () => {
  it('has lost no agent, and told Ops-Core nothing', async () => {
    const opscore = await startOpscore();
    const service = await startServiceProcess({ ...opscore.env, AGENT_EXPIRY: '1s' });
    const agents = await Promise.all(
      ['1', '2'].map((lease) =>
        startAgentProcess(service.url, opscore, { AGENT_NAME: `a${lease}`, AGENT_LEASE: lease }),
      ),
    );
    const { changesCursor } = await service.client.listAgents();
    await service.child().end('SIGKILL');
    await longerThan(4_000);
    await service.start();
    await eventually(() => {
      for (const { agentId } of agents) expect(opscore.count('idle', agentId)).toBe(2);
    });
    const { changes } = await service.client.listChanges(changesCursor);
    expect(changes).toEqual([]);
    expect(opscore.count('DEREGISTER')).toBe(0);
  });

  it.each([
    ['longer than every lease', 3_600_000],
    ['a part of a lease', 25_000],
    ['and its wall clock was put back meanwhile', -3_600_000],
  ])('gives every lease a full period: %s', async (_how, away) => {
    const dir = tempDir();
    const clock = jumpingClock();
    const first = await startService({}, { dir, clock });
    const registration = { agentName: 'a', version: '1', contactEndpoint: await deadUrl() };
    const { agentId } = await first.client.registerAgent({ ...registration, leaseSeconds: 30 });
    await first.close();
    clock.jump(away);
    const startedAt = clock.now();
    const { client } = await startService({}, { dir, clock });
    const { status } = await eventually(async () => {
      const agent = await client.getAgent(agentId);
      const endsAt = Date.parse(agent.leaseExpiresAt ?? '');
      expect(endsAt).toBeGreaterThanOrEqual(startedAt + 30_000);
      // A lease of before that ends in an hour is not a new one.
      expect(endsAt).toBeLessThanOrEqual(clock.now() + 30_000);
      return agent;
    });
    expect(status).toBe('online');
  });

  it('counts the time offline anew, of however many agents', async () => {
    const dir = tempDir();
    const clock = jumpingClock();
    const first = await startService({ AGENT_EXPIRY: '10m' }, { dir, clock });
    const contactEndpoint = await deadUrl();
    const agents = Array.from({ length: 1_200 }, (_, n) => ({
      agentName: `a${String(n)}`,
      version: '1',
      contactEndpoint,
      leaseSeconds: 1,
    }));
    await Promise.all(agents.map((agent) => first.client.registerAgent(agent)));
    await eventually(async () => {
      expect((await first.client.listAgents({ status: 'online' })).agents).toEqual([]);
    });
    await first.close();
    clock.jump(3_600_000);
    const second = await startService({ AGENT_EXPIRY: '10m' }, { dir, clock });
    // Leases are watched again once the grace was given: one that ends now is noticed.
    const probe = { agentName: 'probe', version: '1', contactEndpoint, leaseSeconds: 1 };
    const { agentId } = await second.client.registerAgent(probe);
    await eventually(async () => {
      expect((await second.client.getAgent(agentId)).status).toBe('offline');
    });
    const { agents: page } = await second.client.listAgents({ status: 'offline', limit: 1000 });
    expect(page).toHaveLength(1_000);
    clock.jump(1_000);
    expect((await second.client.listChanges()).changes).not.toContainEqual(
      expect.objectContaining({ type: 'deregistered' }),
    );
  });
});

it('a service that is frozen for longer than every lease (SIGSTOP, SIGCONT) blames nobody', async () => {
  const opscore = await startOpscore();
  const service = await startServiceProcess({ ...opscore.env, AGENT_EXPIRY: '2s' });
  const agents = await Promise.all(
    ['2', '3', '4'].map((lease) =>
      startAgentProcess(service.url, opscore, { AGENT_NAME: `a${lease}`, AGENT_LEASE: lease }),
    ),
  );
  const { changesCursor } = await service.client.listAgents();
  service.child().signal('SIGSTOP');
  await longerThan(6_000);
  service.child().signal('SIGCONT');
  const resumedAt = Date.now();
  // Each has been heard of again, and has had the time to be found missing.
  await eventually(async () => {
    for (const { agentId } of agents) {
      const { lastSeenAt } = await service.client.getAgent(agentId);
      expect(Date.parse(lastSeenAt)).toBeGreaterThan(resumedAt + 4_000);
    }
  });
  expect((await service.client.listChanges(changesCursor)).changes).toEqual([]);
  expect(opscore.count('DEREGISTER')).toBe(0);
});

describe('a clock that jumps under a running service', () => {
  it.each([
    ['forward', 86_400_000],
    ['back', -86_400_000],
  ])('%s by a day expires nobody, and a missed lease is still noticed', async (_way, ms) => {
    const clock = jumpingClock();
    const { client } = await startService({ AGENT_EXPIRY: '10m' }, { clock });
    const registration = { version: '1', contactEndpoint: await deadUrl() };
    const alive = await client.registerAgent({
      ...registration,
      agentName: 'alive',
      leaseSeconds: 60,
    });
    const dead = await client.registerAgent({
      ...registration,
      agentName: 'dead',
      leaseSeconds: 3,
    });
    clock.jump(ms);
    // The dead one is given one more period by the new time, and missed after that; the other is not touched by it.
    await eventually(async () => {
      expect((await client.getAgent(dead.agentId)).status).toBe('offline');
    });
    expect((await client.getAgent(alive.agentId)).status).toBe('online');
    clock.jump(-ms);
    await eventually(async () => {
      const { leaseExpiresAt } = await client.getAgent(alive.agentId);
      const left = Date.parse(leaseExpiresAt ?? '') - clock.now();
      expect(left).toBeGreaterThan(0);
      expect(left).toBeLessThanOrEqual(60_000);
    });
    expect((await client.listAgents()).agents).toHaveLength(2);
  });
});

/** The absence itself has to last: it is what these tests are about. */
function longerThan(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
