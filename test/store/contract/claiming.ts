import { expect, it } from 'vitest';
import type { Agent } from '../../../src/store/store.ts';
import { NOW, LEASE_MS, claim, claimIds, registered, waiting, type OpenStore } from './steps.ts';

export function claiming(open: OpenStore): void {
  it('takes what is due, the longest waiting first, and nothing else', async () => {
    const { store } = await open();
    const agent = await registered(store);
    const third = await waiting(store, agent, { dueAt: 1_300 });
    const first = await waiting(store, agent, { dueAt: 1_100 });
    await waiting(store, agent, { dueAt: 2_001 });
    const second = await waiting(store, agent, { dueAt: 1_200 });
    const { deliveries, ...rest } = await claim(store, { now: 2_000 });
    expect(deliveries.map(({ id }) => id)).toEqual([first.id, second.id, third.id]);
    expect(rest).toEqual({ lanesWithMore: [], more: false, nextDueAt: 2_001 });
  });

  it('finds nothing in an empty store', async () => {
    const { store } = await open();
    expect(await claim(store)).toEqual({
      deliveries: [],
      lanesWithMore: [],
      more: false,
      nextDueAt: null,
    });
  });

  it('tells when the next one is due, leases that may end included', async () => {
    const { store } = await open();
    const agent = await registered(store);
    await waiting(store, agent, { dueAt: 9_000 });
    await waiting(store, await registered(store), { dueAt: 8_000 });
    expect((await claim(store)).nextDueAt).toBe(8_000);
    await waiting(store, agent, {}, { owner: 'other', until: 7_000 });
    expect((await claim(store)).nextDueAt).toBe(7_000);
  });

  it('gives a delivery to one worker only', async () => {
    const { store } = await open();
    const agents = [await registered(store), await registered(store)];
    const ids: string[] = [];
    for (let i = 0; i < 20; i += 1) {
      const agent = agents[i % 2] as Agent;
      ids.push((await waiting(store, agent)).id);
    }
    const claims = await Promise.all(
      ['a', 'b', 'c'].map((owner) =>
        claim(store, { limit: 8, lease: { owner, until: NOW + LEASE_MS } }),
      ),
    );
    const taken = claims.flatMap(({ deliveries }) => deliveries.map(({ id }) => id));
    expect(new Set(taken).size).toBe(taken.length);
    taken.push(...(await claimIds(store)));
    expect(taken.sort()).toEqual(ids.sort());
  });

  it('hides a lease while it lasts, and takes it over when it has run out', async () => {
    const { store } = await open();
    const task = await waiting(store, await registered(store));
    await claim(store, { now: 2_000, lease: { owner: 'a', until: 5_000 } });
    expect((await store.tasks.get(task.id))?.record.nextAttemptAt).toBeNull();
    expect(await claimIds(store, { now: 4_999 })).toEqual([]);
    const again = await claim(store, { now: 5_000 });
    expect(again.deliveries).toMatchObject([{ id: task.id, epoch: 2 }]);
  });

  it('takes of a lane no more than its capacity, and says that there may be more', async () => {
    const { store } = await open();
    const [busy, free] = [await registered(store), await registered(store)];
    const lane = (await waiting(store, busy)).lane;
    for (let i = 0; i < 4; i += 1) await waiting(store, busy);
    const other = await waiting(store, free);
    const result = await claim(store, { capacityOf: (of) => (of === lane ? 2 : 10) });
    expect(result.deliveries.filter((d) => d.lane === lane)).toHaveLength(2);
    expect(result.deliveries.map(({ id }) => id)).toContain(other.id);
    expect(result).toMatchObject({ lanesWithMore: [lane], more: false });
    const rest = await claim(store);
    expect(rest.deliveries).toHaveLength(3);
    expect(rest.lanesWithMore).toEqual([]);
  });

  it('steps over saturated lanes, however many, and starves no other', async () => {
    const { store } = await open();
    const lanes = await Promise.all(
      Array.from({ length: 300 }, async () => {
        const task = await waiting(store, await registered(store), { dueAt: 1_000 });
        return task.lane;
      }),
    );
    const saturated = new Set(lanes);
    const free = await waiting(store, await registered(store), { dueAt: 1_500 });
    const result = await claim(store, {
      limit: 10,
      capacityOf: (lane) => (saturated.has(lane) ? 0 : 1),
    });
    expect(result.deliveries.map(({ id }) => id)).toEqual([free.id]);
    // Once there is room, all of them are found, in as many claims as say that there is more.
    const found: string[] = [];
    for (let more = true; more;) {
      const next = await claim(store, { limit: 1_000 });
      found.push(...next.deliveries.map(({ lane }) => lane));
      more = next.more;
    }
    expect(found.sort()).toEqual([...saturated].sort());
  });

  it('keeps to its limit over all lanes, and says that more is due', async () => {
    const { store } = await open();
    const agents: Agent[] = [];
    for (let i = 0; i < 3; i += 1) agents.push(await registered(store));
    for (const agent of agents) {
      for (let i = 0; i < 3; i += 1) await waiting(store, agent);
    }
    const first = await claim(store, { limit: 4 });
    expect(first.deliveries).toHaveLength(4);
    expect(first.more).toBe(true);
    const second = await claim(store, { limit: 100 });
    expect(second.deliveries).toHaveLength(5);
    expect(second.more).toBe(false);
  });

  it('leaves nothing unsaid when a limit cuts a lane off', async () => {
    const { store } = await open();
    const agent = await registered(store);
    const { lane } = await waiting(store, agent);
    for (let i = 0; i < 5; i += 1) await waiting(store, agent);
    const result = await claim(store, { limit: 2 });
    expect(result.deliveries).toHaveLength(2);
    expect(result.lanesWithMore).toEqual([lane]);
  });

  it('stops at maxBytes, but takes at least one', async () => {
    const { store } = await open();
    const [one, two] = [await registered(store), await registered(store)];
    const body = Buffer.alloc(1_000, 'x');
    for (let i = 0; i < 4; i += 1) await waiting(store, one, { body });
    for (let i = 0; i < 4; i += 1) await waiting(store, two, { body, dueAt: 1_500 });
    const tiny = await claim(store, { maxBytes: 1 });
    expect(tiny.deliveries).toHaveLength(1);
    expect(tiny.more || tiny.lanesWithMore.length > 0).toBe(true);
    expect((await claim(store, { maxBytes: 2_000 })).deliveries).toHaveLength(2);
    expect((await claim(store, { maxBytes: 2_001 })).deliveries).toHaveLength(3);
    expect((await claim(store)).deliveries).toHaveLength(2);
  });
}
