import { describe, expect, it } from 'vitest';
import type { Agent, Store } from '../../../src/store/store.ts';
import { aDelivery } from '../../helpers/records.ts';
import { insertAgent, insertTask, removal, updateAgent } from '../../helpers/store.ts';
import {
  NOW,
  LEASE_MS,
  asRetry,
  claim,
  claimIds,
  claimNames,
  claimOne,
  lease,
  registered,
  waiting,
  webhook,
  type OpenStore,
  type StoreOptions,
} from './steps.ts';

const FOREVER = Number.MAX_SAFE_INTEGER;
const MUCH_LATER = 1_000_000_000_000;

export function pausing(open: OpenStore, options: StoreOptions): void {
  const pause = (store: Store, { agentId }: Agent) =>
    updateAgent(store, agentId, { pausedAt: NOW }, { event: 'status' });
  const resume = (store: Store, { agentId }: Agent) =>
    updateAgent(store, agentId, { pausedAt: null, updatedAt: NOW }, { event: 'status' });

  async function paused(tasks = 1) {
    const { store, reopen } = await open();
    const agent = await registered(store);
    const ids: string[] = [];
    for (let i = 0; i < tasks; i += 1) ids.push((await waiting(store, agent)).id);
    await pause(store, agent);
    return { store, reopen, agent, ids };
  }

  it('holds the tasks of an agent, and its webhooks go on', async () => {
    const { store, agent } = await paused(2);
    await webhook(store, agent, 'REGISTER');
    expect(await claimNames(store)).toEqual(['REGISTER']);
    expect(await claimNames(store, { now: MUCH_LATER })).toEqual(['REGISTER']);
  });

  it('lets them go when it ends', async () => {
    const { store, agent, ids } = await paused(2);
    expect(await claimIds(store)).toEqual([]);
    await resume(store, agent);
    expect((await claimIds(store)).sort()).toEqual(ids.sort());
  });

  it('is told with the agent, alone and in lists, and in the feed', async () => {
    const { store, agent } = await paused();
    const { agentId } = agent;
    const [listed] = (await store.agents.list({}, { limit: 10, after: null })).items;
    const [found] = (
      await store.agents.list({ status: 'online', version: '1.0.0' }, { limit: 10, after: null })
    ).items;
    for (const seen of [
      await store.agents.get(agentId),
      listed,
      found,
      await store.agents.heartbeat(agentId, NOW),
    ]) {
      expect(seen).toMatchObject({ agentId, pausedAt: NOW });
    }
    const events = await store.agents.listEvents(0, 10);
    expect(events === 'expired' ? [] : events).toMatchObject([
      { type: 'status', agent: { pausedAt: NOW } },
    ]);
    await resume(store, agent);
    expect(await store.agents.get(agentId)).toMatchObject({ pausedAt: null });
  });

  it('takes new tasks without the lease that was asked for: they wait', async () => {
    const { store, agent } = await paused(0);
    const task = aDelivery(agent.agentId);
    expect(await insertTask(store, task, { lease: lease() })).toMatchObject({
      outcome: 'inserted',
      leased: false,
    });
    expect(await claimIds(store, { now: NOW + LEASE_MS })).toEqual([]);
    await resume(store, agent);
    expect(await claimIds(store)).toEqual([task.id]);
  });

  it('keeps what is due again for a retry, and what is given back', async () => {
    const { store } = await open();
    const agent = await registered(store);
    await waiting(store, agent);
    const retried = await claimOne(store);
    await waiting(store, agent);
    const returned = await claimOne(store);
    await pause(store, agent);
    await store.outbox.complete(asRetry(retried, NOW));
    await store.outbox.release([returned], NOW);
    expect(await claimIds(store)).toEqual([]);
    await resume(store, agent);
    expect((await claimIds(store)).sort()).toEqual([retried.id, returned.id].sort());
  });

  it('outlasts a restart', async () => {
    const { reopen, agent, ids } = await paused();
    const again = await reopen();
    expect(await claimIds(again)).toEqual([]);
    expect(await again.agents.get(agent.agentId)).toMatchObject({ pausedAt: NOW });
    await resume(again, agent);
    expect(await claimIds(again)).toEqual(ids);
  });

  it.runIf(options.recover)('keeps the leases that a crash left in it', async () => {
    const { store, reopen } = await open();
    const agent = await registered(store);
    const { id } = await waiting(store, agent);
    await claimOne(store);
    await pause(store, agent);
    const again = await reopen();
    expect(await again.outbox.recover(NOW, LEASE_MS)).toBe(1);
    expect(await claimIds(again)).toEqual([]);
    await resume(again, agent);
    expect(await claimIds(again)).toEqual([id]);
  });

  it('ends with the agent', async () => {
    const { store, agent } = await paused(2);
    const [held, ...more] = (await claim(store)).deliveries;
    expect([held, more]).toEqual([undefined, []]);
    await store.agents.remove(agent.agentId, removal(NOW));
    expect((await claim(store)).nextDueAt).toBeNull();
    await insertAgent(store, { ...agent, agentId: agent.agentId });
    expect(await store.agents.get(agent.agentId)).toMatchObject({ pausedAt: null });
    const task = await waiting(store, agent);
    expect(await claimIds(store)).toEqual([task.id]);
  });

  it('of an empty lane is as good as new when it ends', async () => {
    const { store, agent } = await paused(0);
    await resume(store, agent);
    expect(await claim(store)).toMatchObject({ deliveries: [], nextDueAt: null });
  });

  describe('beside a hold', () => {
    const hold = (store: Store, { agentId }: Agent, holdUntil: number) =>
      updateAgent(
        store,
        agentId,
        { status: holdUntil === 0 ? 'online' : 'unreachable' },
        { holdUntil },
      );

    it.each([
      ['begins while the other lasts', ['hold', 'pause', 'release'] as const],
      ['is there before the other', ['pause', 'hold', 'release'] as const],
    ])('a pause stays when the hold ends: it %s', async (_when, steps) => {
      const { store } = await open();
      const agent = await registered(store);
      const { id } = await waiting(store, agent);
      for (const step of steps) {
        if (step === 'pause') await pause(store, agent);
        else await hold(store, agent, step === 'hold' ? 10_000 : 0);
      }
      expect(await claimIds(store, { now: MUCH_LATER })).toEqual([]);
      await resume(store, agent);
      expect(await claimIds(store)).toEqual([id]);
    });

    it.each([10_000, FOREVER])('a hold until %d stays when the pause ends', async (until) => {
      const { store } = await open();
      const agent = await registered(store);
      await waiting(store, agent);
      await hold(store, agent, until);
      await pause(store, agent);
      await resume(store, agent);
      expect(await claimIds(store, { now: 9_999 })).toEqual([]);
      await hold(store, agent, 0);
      expect(await claimIds(store)).toHaveLength(1);
    });

    it('no probe is sent while it is paused', async () => {
      const { store } = await open();
      const agent = await registered(store);
      await waiting(store, agent);
      await hold(store, agent, 10_000);
      await pause(store, agent);
      expect(await claimIds(store, { now: 20_000 })).toEqual([]);
      await resume(store, agent);
      expect((await claim(store, { now: 20_000 })).deliveries).toMatchObject([{ probe: true }]);
    });

    it('a hold of the paused lane for a shorter time changes nothing', async () => {
      const { store } = await open();
      const agent = await registered(store);
      await waiting(store, agent);
      await hold(store, agent, FOREVER);
      await pause(store, agent);
      await hold(store, agent, 10_000);
      expect(await claimIds(store, { now: 20_000 })).toEqual([]);
    });
  });
}
