import { expect, it } from 'vitest';
import { laneOf } from '../../../src/outbox/delivery.ts';
import { updateAgent } from '../../helpers/store.ts';
import { NOW, claim, claimIds, claimNames, registered, waiting, type OpenStore } from './steps.ts';

export function pullingForward(open: OpenStore): void {
  it('makes the tasks of a lane due that wait for their time, the soonest first, so many and no more', async () => {
    const { store } = await open();
    const agent = await registered(store);
    for (const minute of [4, 1, 3, 2]) {
      await waiting(store, agent, { name: `m${minute}`, dueAt: NOW + minute * 60_000 });
    }
    const other = await registered(store);
    await waiting(store, other, { name: 'other', dueAt: NOW + 1 });
    expect(await claimNames(store)).toEqual([]);
    expect(await store.deliveries.pullForward(laneOf('task', agent.agentId), NOW, 3)).toBe(3);
    expect((await claimNames(store)).sort()).toEqual(['m1', 'm2', 'm3']);
    expect(await store.deliveries.pullForward(laneOf('task', agent.agentId), NOW, 3)).toBe(1);
  });

  it('takes no lease away', async () => {
    const { store } = await open();
    const agent = await registered(store);
    await waiting(store, agent);
    expect((await claim(store)).deliveries).toHaveLength(1);
    expect(await store.deliveries.pullForward(laneOf('task', agent.agentId), NOW, 10)).toBe(0);
    expect(await claimIds(store)).toEqual([]);
  });

  it('ends no hold', async () => {
    const { store } = await open();
    const agent = await registered(store);
    await waiting(store, agent, { dueAt: 90_000 });
    await updateAgent(
      store,
      agent.agentId,
      { status: 'offline' },
      { holdUntil: Number.MAX_SAFE_INTEGER },
    );
    expect(await store.deliveries.pullForward(laneOf('task', agent.agentId), NOW, 10)).toBe(1);
    expect(await claimIds(store)).toEqual([]);
  });

  it('does nothing where nothing waits', async () => {
    const { store } = await open();
    expect(await store.deliveries.pullForward('task:nobody', NOW, 10)).toBe(0);
  });
}
