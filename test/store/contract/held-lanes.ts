import { describe, expect, it } from 'vitest';
import type { Agent, Store } from '../../../src/store/store.ts';
import { aDelivery, anAgent } from '../../helpers/records.ts';
import { insertAgent, insertTask, updateAgent } from '../../helpers/store.ts';
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
  type OpenStore,
  type StoreOptions,
} from './steps.ts';

const HELD_UNTIL = 10_000;
const PROBE_MS = 15_000;

export function heldLanes(open: OpenStore, options: StoreOptions): void {
  const hold = (store: Store, { agentId }: Agent, holdUntil = HELD_UNTIL) =>
    updateAgent(store, agentId, { status: 'unreachable' }, { holdUntil });
  const release = (store: Store, { agentId }: Agent) =>
    updateAgent(store, agentId, { status: 'online' }, { holdUntil: 0 });
  const claimAt = (store: Store, now: number) => claim(store, { now, probeIntervalMs: PROBE_MS });

  /** An agent whose tasks, waiting since 1,001, 1,002, ..., are held until 10,000. */
  async function held(count: number) {
    const { store, reopen } = await open();
    const agent = await registered(store);
    const tasks: string[] = [];
    for (let i = 1; i <= count; i += 1) {
      tasks.push((await waiting(store, agent, { dueAt: 1_000 + i })).id);
    }
    await hold(store, agent);
    return { store, reopen, agent, tasks };
  }

  it('gives nothing before its time, and tells when that is', async () => {
    const { store } = await held(3);
    const early = await claimAt(store, HELD_UNTIL - 1);
    expect(early).toEqual({
      deliveries: [],
      lanesWithMore: [],
      more: false,
      nextDueAt: HELD_UNTIL,
    });
  });

  it('then gives one delivery, the longest waiting, as a probe, and is held for an interval', async () => {
    const { store, tasks } = await held(3);
    const probe = await claimAt(store, HELD_UNTIL);
    expect(probe.deliveries).toMatchObject([{ id: tasks[0], probe: true }]);
    expect(probe).toMatchObject({
      lanesWithMore: [],
      more: false,
      nextDueAt: HELD_UNTIL + PROBE_MS,
    });
    expect((await claimAt(store, HELD_UNTIL)).deliveries).toEqual([]);
    expect((await claimAt(store, HELD_UNTIL + PROBE_MS - 1)).deliveries).toEqual([]);
    const second = await claimAt(store, HELD_UNTIL + PROBE_MS);
    expect(second.deliveries).toMatchObject([{ id: tasks[1], probe: true }]);
    const third = await claimAt(store, HELD_UNTIL + 10 * PROBE_MS);
    expect(third.deliveries).toHaveLength(1);
    expect((await claimAt(store, HELD_UNTIL + 11 * PROBE_MS - 1)).deliveries).toEqual([]);
  });

  it('keeps its probe where the worker has no room for it', async () => {
    const { store } = await held(3);
    expect(await claimIds(store, { now: HELD_UNTIL, capacityOf: () => 0 })).toEqual([]);
    expect((await claimAt(store, HELD_UNTIL)).deliveries).toHaveLength(1);
  });

  it('gives its probe again, and only it, when the lease of that ran out', async () => {
    const { store, tasks } = await held(1);
    const until = HELD_UNTIL + 2 * PROBE_MS;
    await claim(store, {
      now: HELD_UNTIL,
      probeIntervalMs: PROBE_MS,
      lease: { owner: 'a', until },
    });
    expect((await claimAt(store, until - 1)).deliveries).toEqual([]);
    const again = await claimAt(store, until);
    expect(again.deliveries).toMatchObject([{ id: tasks[0], probe: true, epoch: 2 }]);
  });

  it('holds up no other agent, nor the webhooks of its own', async () => {
    const { store, agent } = await held(2);
    const webhook = aDelivery(agent.agentId, { kind: 'webhook', name: 'REGISTER' });
    await updateAgent(store, agent.agentId, { version: '2' }, { webhook });
    const other = await waiting(store, await registered(store), { name: 'other' });
    expect((await claimNames(store)).sort()).toEqual(['REGISTER', other.name]);
  });

  it('stays held over an update that says nothing of it', async () => {
    const { store, agent } = await held(1);
    await updateAgent(store, agent.agentId, { version: '2' }, { event: 'updated' });
    await store.agents.heartbeat(agent.agentId, NOW);
    expect((await claimAt(store, HELD_UNTIL - 1)).deliveries).toEqual([]);
  });

  it('can be held for longer, and without end', async () => {
    const { store, agent } = await held(1);
    await hold(store, agent, 2 * HELD_UNTIL);
    expect((await claimAt(store, 2 * HELD_UNTIL - 1)).deliveries).toEqual([]);
    await hold(store, agent, Number.MAX_SAFE_INTEGER);
    expect(await claimAt(store, Number.MAX_SAFE_INTEGER - 1)).toMatchObject({
      deliveries: [],
      nextDueAt: null,
    });
    await release(store, agent);
    expect((await claimAt(store, NOW)).deliveries).toHaveLength(1);
  });

  describe('what comes into it', () => {
    it('new waits like the rest', async () => {
      const { store, agent, tasks } = await held(1);
      const task = await waiting(store, agent, { dueAt: 1_000 });
      expect((await claimAt(store, HELD_UNTIL - 1)).deliveries).toEqual([]);
      expect((await claimAt(store, HELD_UNTIL)).deliveries).toMatchObject([{ id: task.id }]);
      await release(store, agent);
      expect(await claimIds(store, { now: HELD_UNTIL })).toEqual(tasks);
    });

    it('new waits as well where nothing was waiting when the hold began', async () => {
      const { store, agent, tasks } = await held(0);
      expect(tasks).toEqual([]);
      const { id } = await waiting(store, agent);
      expect((await claimAt(store, HELD_UNTIL - 1)).deliveries).toEqual([]);
      expect((await claimAt(store, HELD_UNTIL)).deliveries).toMatchObject([{ id, probe: true }]);
    });

    it('new is tried as the probe, and one, where the interval went by with nothing to try', async () => {
      const { store, agent } = await held(1);
      const first = await claimOne(store, { now: HELD_UNTIL, probeIntervalMs: PROBE_MS });
      await store.tasks.cancel(first.id, HELD_UNTIL);
      const later = HELD_UNTIL + 3 * PROBE_MS;
      const looked = await claimAt(store, later);
      expect(looked).toMatchObject({ deliveries: [], nextDueAt: null });
      const { id } = await waiting(store, agent, { dueAt: later });
      await waiting(store, agent, { dueAt: later });
      expect((await claimAt(store, later)).deliveries).toMatchObject([{ id, probe: true }]);
      expect((await claimAt(store, later + PROBE_MS - 1)).deliveries).toEqual([]);
    });

    it.each(['unreachable', 'offline'] as const)(
      'new is stored without the lease that was asked for while the agent is %s',
      async (status) => {
        const { store } = await open();
        const agent = await insertAgent(store, anAgent({ status }), { holdUntil: HELD_UNTIL });
        const task = aDelivery(agent.agentId);
        const result = await insertTask(store, task, { lease: lease() });
        expect(result).toMatchObject({ outcome: 'inserted', leased: false });
        expect((await store.tasks.get(task.id))?.record.nextAttemptAt).not.toBeNull();
        expect((await claimAt(store, HELD_UNTIL - 1)).deliveries).toEqual([]);
        const [probe] = (await claimAt(store, HELD_UNTIL)).deliveries;
        expect(probe).toMatchObject({ id: task.id, epoch: 1, probe: true });
      },
    );

    it('again for a retry waits for the hold and for its own time', async () => {
      const { store, agent, tasks } = await held(0);
      await release(store, agent);
      await waiting(store, agent);
      const early = await claimOne(store);
      await waiting(store, agent);
      const late = await claimOne(store);
      expect(tasks).toEqual([]);
      await hold(store, agent);
      await store.outbox.complete(asRetry(early, 5_000));
      await store.outbox.complete(asRetry(late, 20_000));
      expect((await claimAt(store, HELD_UNTIL - 1)).deliveries).toEqual([]);
      expect((await claimAt(store, HELD_UNTIL)).deliveries).toMatchObject([{ id: early.id }]);
      await release(store, agent);
      expect(await claimIds(store, { now: 19_999 })).toEqual([]);
      expect(await claimIds(store, { now: 20_000 })).toEqual([late.id]);
    });

    it('again because a worker gave it back waits as well', async () => {
      const { store } = await open();
      const agent = await registered(store);
      await waiting(store, agent);
      const { deliveries } = await claim(store);
      await hold(store, agent);
      await store.outbox.release(deliveries, NOW);
      expect((await claimAt(store, HELD_UNTIL - 1)).deliveries).toEqual([]);
      expect((await claimAt(store, HELD_UNTIL)).deliveries).toMatchObject([
        { id: deliveries[0]?.id, probe: true },
      ]);
    });
  });

  describe('that is released', () => {
    it('gives all that is due at once, and none of it is a probe', async () => {
      const { store, agent, tasks } = await held(3);
      await release(store, agent);
      const { deliveries } = await claimAt(store, NOW);
      expect(deliveries.map(({ id, probe }) => ({ id, probe }))).toEqual(
        tasks.map((id) => ({ id, probe: false })),
      );
    });

    it('between two probes gives the rest at once', async () => {
      const { store, agent, tasks } = await held(3);
      await claimAt(store, HELD_UNTIL);
      await release(store, agent);
      expect(await claimIds(store, { now: HELD_UNTIL })).toEqual(tasks.slice(1));
      const fresh = await waiting(store, agent);
      expect((await claimAt(store, HELD_UNTIL)).deliveries).toMatchObject([
        { id: fresh.id, probe: false },
      ]);
    });

    it('while it is empty, or was never held, is as good as new', async () => {
      const { store, agent } = await held(0);
      await release(store, agent);
      await release(store, agent);
      expect((await claimAt(store, NOW)).nextDueAt).toBeNull();
      const { id } = await waiting(store, agent);
      expect((await claimAt(store, NOW)).deliveries).toMatchObject([{ id, probe: false }]);
    });
  });

  it('stays held over a restart', async () => {
    const { reopen, tasks } = await held(2);
    const again = await reopen();
    expect((await claimAt(again, HELD_UNTIL - 1)).deliveries).toEqual([]);
    expect((await claimAt(again, HELD_UNTIL)).deliveries).toMatchObject([
      { id: tasks[0], probe: true },
    ]);
  });

  it.runIf(options.recover)('stays held when leases are given back after a crash', async () => {
    const { store, reopen, tasks } = await held(2);
    await claimAt(store, HELD_UNTIL);
    const again = await reopen();
    const now = HELD_UNTIL + 1_000;
    expect(await again.outbox.recover(now, LEASE_MS)).toBe(1);
    expect((await claimAt(again, HELD_UNTIL + PROBE_MS - 1)).deliveries).toEqual([]);
    const [probe, ...more] = (await claimAt(again, HELD_UNTIL + PROBE_MS)).deliveries;
    expect(tasks).toContain(probe?.id);
    expect(probe?.probe).toBe(true);
    expect(more).toEqual([]);
  });

  it.runIf(options.recover)(
    'gives back leases of a crash although it is held without end',
    async () => {
      const { store, reopen, agent, tasks } = await held(1);
      await release(store, agent);
      await claim(store);
      await hold(store, agent, Number.MAX_SAFE_INTEGER);
      const again = await reopen();
      expect(await again.outbox.recover(NOW, LEASE_MS)).toBe(1);
      expect(await claimIds(again, { now: NOW })).toEqual([]);
      await release(again, agent);
      expect(await claimIds(again, { now: NOW })).toEqual(tasks);
    },
  );
}
