import { describe, expect, it } from 'vitest';
import type { Agent, Store } from '../../../src/store/store.ts';
import { anAgent } from '../../helpers/records.ts';
import { insertAgent, updateAgent } from '../../helpers/store.ts';
import { deregistering, registered, type OpenStore } from './steps.ts';

const leased = (expiresAt: number, changes: Partial<Agent> = {}): Partial<Agent> => ({
  leaseSeconds: 30,
  leaseExpiresAt: expiresAt,
  ...changes,
});

const offline = (at: number): Partial<Agent> =>
  leased(at, { status: 'offline', offlineAt: at, updatedAt: at });

export function leases(open: OpenStore): void {
  describe('a heartbeat', () => {
    it('renews the lease, and is no change of the agent', async () => {
      const { store } = await open();
      const { agentId } = await insertAgent(store, anAgent(leased(5_000)), { event: 'registered' });
      const before = await store.agents.get(agentId);
      const last = await store.agents.lastEvent();
      const after = { ...before, lastSeenAt: 9_000, leaseExpiresAt: 39_000 };
      expect(await store.agents.heartbeat(agentId, 9_000)).toEqual(after);
      expect(await store.agents.get(agentId)).toEqual(after);
      expect(await store.agents.lastEvent()).toBe(last);
    });

    it('of an agent that never expires notes that it was heard of', async () => {
      const { store } = await open();
      const agent = await registered(store);
      const after = { ...agent, lastSeenAt: 9_000 };
      expect(await store.agents.heartbeat(agent.agentId, 9_000)).toEqual(after);
      expect(await store.agents.get(agent.agentId)).toEqual(after);
    });

    it('never takes back that an agent was heard of later', async () => {
      const { store } = await open();
      const { agentId } = await registered(store);
      await store.agents.heartbeat(agentId, 9_000);
      await store.agents.heartbeat(agentId, 8_000);
      expect((await store.agents.get(agentId))?.lastSeenAt).toBe(9_000);
    });

    it('renews the lease of an unreachable agent: it lives, and that is all', async () => {
      const { store } = await open();
      const agent = await registered(store, leased(5_000, { status: 'unreachable' }));
      expect(await store.agents.heartbeat(agent.agentId, 4_000)).toMatchObject({
        status: 'unreachable',
        leaseExpiresAt: 34_000,
      });
    });

    it('of an agent that is offline, or that is not there, writes nothing', async () => {
      const { store } = await open();
      const agent = await registered(store, offline(5_000));
      expect(await store.agents.heartbeat(agent.agentId, 9_000)).toBe('offline');
      expect(await store.agents.get(agent.agentId)).toEqual(agent);
      expect(await store.agents.heartbeat('nobody', 9_000)).toBe('not_found');
    });
  });

  describe('leases that ended', () => {
    it('are listed, the longest overdue first, until they are marked or renewed', async () => {
      const { store } = await open();
      await registered(store);
      const third = await registered(store, leased(5_000));
      const first = await registered(store, leased(3_000));
      const second = await registered(store, leased(4_000, { status: 'unreachable' }));
      await registered(store, leased(5_001));
      await registered(store, offline(2_000));
      const ids = [first, second, third].map(({ agentId }) => agentId);
      expect(await store.agents.listExpired(5_000, 10)).toEqual(ids);
      expect(await store.agents.listExpired(5_000, 2)).toEqual(ids.slice(0, 2));
      expect(await store.agents.listExpired(2_999, 10)).toEqual([]);
      await updateAgent(store, first.agentId, { status: 'offline', offlineAt: 5_000 });
      await store.agents.heartbeat(second.agentId, 4_500);
      expect(await store.agents.listExpired(5_000, 10)).toEqual([third.agentId]);
    });

    it('make agents go offline, which are listed in the order of it', async () => {
      const { store } = await open();
      await registered(store);
      await registered(store, leased(1_000));
      const second = await registered(store, offline(4_000));
      const first = await registered(store, offline(3_000));
      await registered(store, offline(5_000));
      const ids = [first.agentId, second.agentId];
      expect(await store.agents.listOfflineSince(4_000, 10)).toEqual(ids);
      expect(await store.agents.listOfflineSince(4_000, 1)).toEqual(ids.slice(0, 1));
      await updateAgent(store, first.agentId, { status: 'online', offlineAt: null });
      expect(await store.agents.listOfflineSince(4_000, 10)).toEqual([second.agentId]);
    });

    it('are told in advance: the next lease, or the next that is offline for too long', async () => {
      const { store } = await open();
      expect(await store.agents.nextExpiryAt(1_000)).toBeNull();
      await registered(store);
      expect(await store.agents.nextExpiryAt(1_000)).toBeNull();
      const { agentId } = await registered(store, leased(9_000));
      await registered(store, leased(9_500));
      expect(await store.agents.nextExpiryAt(1_000)).toBe(9_000);
      await registered(store, offline(5_000));
      await registered(store, offline(5_500));
      expect(await store.agents.nextExpiryAt(4_500)).toBe(9_000);
      expect(await store.agents.nextExpiryAt(1_000)).toBe(6_000);
      await store.agents.heartbeat(agentId, 8_000);
      expect(await store.agents.nextExpiryAt(100_000)).toBe(9_500);
    });
  });

  describe('grace after an absence of our own', () => {
    /** Steps until one finds none; how many agents it was granted to. */
    async function grantAll(store: Store, now: number, limit: number): Promise<number> {
      let granted = 0;
      for (let steps = 0; steps < 20; steps += 1) {
        const step = await store.agents.grantGrace(now, limit);
        expect(step).toBeLessThanOrEqual(2 * limit);
        if (step === 0) return granted;
        granted += step;
      }
      throw new Error('the steps have no end');
    }

    it('is a full period from now on for every lease, ended or not', async () => {
      const { store } = await open();
      const ended = await registered(store, leased(9_000));
      const endsNow = await registered(store, leased(10_000, { leaseSeconds: 5 }));
      const runs = await registered(store, leased(10_001));
      const endless = await registered(store, leased(9_999_999_999));
      const never = await registered(store);
      expect(await grantAll(store, 10_000, 100)).toBe(4);
      const expiryOf = async ({ agentId }: Agent) =>
        (await store.agents.get(agentId))?.leaseExpiresAt;
      expect(await expiryOf(ended)).toBe(40_000);
      expect(await expiryOf(endsNow)).toBe(15_000);
      expect(await expiryOf(runs)).toBe(40_000);
      // The clock was set back meanwhile.
      expect(await expiryOf(endless)).toBe(40_000);
      expect(await expiryOf(never)).toBeNull();
      expect(await store.agents.get(ended.agentId)).toEqual({ ...ended, leaseExpiresAt: 40_000 });
      expect(await store.agents.listExpired(10_000, 10)).toEqual([]);
    });

    it('takes nothing from a lease that a heartbeat renews between two steps', async () => {
      const { store } = await open();
      const { agentId } = await registered(store, leased(9_000));
      await store.agents.heartbeat(agentId, 10_500);
      expect(await grantAll(store, 10_000, 2)).toBe(0);
      expect((await store.agents.get(agentId))?.leaseExpiresAt).toBe(40_500);
    });

    it('counts the time offline anew', async () => {
      const { store } = await open();
      const agent = await registered(store, offline(5_000));
      await grantAll(store, 10_000, 100);
      expect(await store.agents.get(agent.agentId)).toEqual({ ...agent, offlineAt: 10_000 });
    });

    it('goes in steps of a bounded size, and comes to an end', async () => {
      const { store } = await open();
      for (let i = 0; i < 5; i += 1) {
        await registered(store, leased(9_000));
        await registered(store, offline(5_000 + i));
      }
      expect(await grantAll(store, 10_000, 2)).toBe(10);
      expect(await store.agents.listExpired(10_000, 10)).toEqual([]);
      expect(await store.agents.listOfflineSince(9_999, 10)).toEqual([]);
      expect(await store.agents.listOfflineSince(10_000, 10)).toHaveLength(5);
      expect(await grantAll(store, 10_000, 2)).toBe(0);
    });
  });

  it('a lease of an agent that is leaving ends like any other', async () => {
    const { store } = await open();
    const { agentId } = await deregistering(store);
    await updateAgent(store, agentId, leased(5_000));
    expect(await store.agents.listExpired(5_000, 10)).toEqual([agentId]);
  });
}
