import { expect, it } from 'vitest';
import type { NewDelivery } from '../../../src/outbox/delivery.ts';
import type { Agent, Store } from '../../../src/store/store.ts';
import { aDelivery, anAgent } from '../../helpers/records.ts';
import { insertAgent, removal, updateAgent } from '../../helpers/store.ts';
import {
  NOW,
  LEASE_MS,
  asDelivered,
  asRetry,
  claim,
  claimNames,
  drain,
  waiting,
  type OpenStore,
} from './steps.ts';

export function orderedLanes(open: OpenStore): void {
  const ordered = (agent: Agent, name: string, changes: Partial<NewDelivery> = {}) =>
    aDelivery(agent.agentId, { kind: 'webhook', name, ...changes });

  /** An agent whose lane of webhooks holds these, in this order. */
  async function laneWith(store: Store, ...names: string[]): Promise<Agent> {
    const agent = anAgent();
    const [first = 'first', ...more] = names;
    await insertAgent(store, agent, { webhook: ordered(agent, first) });
    for (const [index, name] of more.entries()) {
      const version = String(index + 2);
      await updateAgent(store, agent.agentId, { version }, { webhook: ordered(agent, name) });
    }
    return agent;
  }

  it('has one in flight, however much room there is', async () => {
    const { store } = await open();
    await laneWith(store, 'first', 'second', 'third');
    expect(await claimNames(store)).toEqual(['first']);
    expect(await claimNames(store)).toEqual([]);
  });

  it('goes on with the next after the end of the first, in the order of acceptance', async () => {
    const { store } = await open();
    await laneWith(store, 'first', 'second', 'third');
    expect(await drain(store)).toEqual(['first', 'second', 'third']);
  });

  it.each(['delivered', 'dead', 'cancelled'] as const)('%s is an end', async (state) => {
    const { store } = await open();
    await laneWith(store, 'first', 'second');
    const [held] = (await claim(store)).deliveries;
    await store.outbox.complete({ ...asDelivered(held), state });
    expect(await claimNames(store)).toEqual(['second']);
  });

  it('waits for its head while that is due later', async () => {
    const { store } = await open();
    await laneWith(store, 'first', 'second');
    const [held] = (await claim(store)).deliveries;
    await store.outbox.complete(asRetry(held, 9_000));
    const blocked = await claim(store, { now: 8_999 });
    expect(blocked.deliveries).toEqual([]);
    expect(blocked.nextDueAt).toBe(9_000);
    expect(await claimNames(store, { now: 9_000 })).toEqual(['first']);
  });

  it('keeps the order when a later one is due earlier', async () => {
    const { store } = await open();
    const agent = anAgent();
    await insertAgent(store, agent, { webhook: ordered(agent, 'first', { dueAt: 1_900 }) });
    const webhook = ordered(agent, 'second', { dueAt: 1_100 });
    await updateAgent(store, agent.agentId, { version: '2' }, { webhook });
    expect(await claimNames(store, { now: 1_500 })).toEqual([]);
    expect(await claimNames(store, { now: 1_900 })).toEqual(['first']);
  });

  it('gives the same one again when its lease is given back or has run out', async () => {
    const { store } = await open();
    await laneWith(store, 'first', 'second');
    const { deliveries } = await claim(store);
    await store.outbox.release(deliveries, NOW);
    expect(await claimNames(store)).toEqual(['first']);
    expect(await claimNames(store, { now: NOW + LEASE_MS })).toEqual(['first']);
  });

  it('of one agent does not hold up that of another, nor its tasks', async () => {
    const { store } = await open();
    const stuck = await laneWith(store, 'first', 'second');
    await claim(store);
    const task = await waiting(store, stuck);
    await laneWith(store, 'elsewhere');
    expect((await claimNames(store)).sort()).toEqual(['elsewhere', task.name]);
  });

  it('holds what comes later as well', async () => {
    const { store } = await open();
    const agent = await laneWith(store, 'first');
    await claim(store);
    await store.agents.remove(
      agent.agentId,
      removal(NOW, { webhookOf: () => ordered(agent, 'DEREGISTER') }),
    );
    expect(await claimNames(store)).toEqual([]);
  });
}
