import { expect, it } from 'vitest';
import type { Agent, Store } from '../../../src/store/store.ts';
import { aDelivery, anAttempt } from '../../helpers/records.ts';
import { insertTask, removal, updateAgent } from '../../helpers/store.ts';
import {
  NOW,
  asDelivered,
  asRetry,
  claim,
  claimIds,
  claimOne,
  lease,
  registered,
  tasksOf,
  waiting,
  type OpenStore,
} from './steps.ts';

const LIMIT = 3;

export function queueLimit(open: OpenStore): void {
  /** Whether another task is taken; it then waits as well. */
  const take = async (store: Store, agent: Agent, limit = LIMIT) =>
    (await insertTask(store, aDelivery(agent.agentId), { queueLimit: limit })).outcome;

  async function full(): Promise<{ store: Store; reopen: () => Promise<Store>; agent: Agent }> {
    const { store, reopen } = await open();
    const agent = await registered(store);
    for (let i = 0; i < LIMIT; i += 1) expect(await take(store, agent)).toBe('inserted');
    return { store, reopen, agent };
  }

  it('takes exactly as many, and stores nothing of those that are too many', async () => {
    const { store, agent } = await full();
    expect(await take(store, agent)).toBe('queue_full');
    expect(await take(store, agent)).toBe('queue_full');
    expect(await tasksOf(store, agent)).toHaveLength(LIMIT);
    expect(await claimIds(store)).toHaveLength(LIMIT);
  });

  it('takes exactly as many when they come together', async () => {
    const { store } = await open();
    const agent = await registered(store);
    const outcomes = await Promise.all(Array.from({ length: 10 }, () => take(store, agent)));
    expect(outcomes.filter((outcome) => outcome === 'inserted')).toHaveLength(LIMIT);
    expect(outcomes.filter((outcome) => outcome === 'queue_full')).toHaveLength(10 - LIMIT);
    expect(await tasksOf(store, agent)).toHaveLength(LIMIT);
  });

  it('takes exactly as many when one that comes with them fails', async () => {
    const { store } = await open();
    const agent = await registered(store);
    const twin = await waiting(store, await registered(store));
    const outcomes = await Promise.allSettled([
      take(store, agent),
      take(store, agent),
      insertTask(store, aDelivery(agent.agentId, { id: twin.id }), { queueLimit: LIMIT }),
      take(store, agent),
      take(store, agent),
    ]);
    expect(outcomes.map((one) => (one.status === 'fulfilled' ? one.value : one.status))).toEqual([
      'inserted',
      'inserted',
      'rejected',
      'inserted',
      'queue_full',
    ]);
  });

  it.each<[string, (store: Store, taskId: string) => Promise<unknown>]>([
    ['delivery', async (store) => store.outbox.complete(asDelivered(await claimNext(store)))],
    [
      'death',
      async (store) =>
        store.outbox.complete({ ...asDelivered(await claimNext(store)), state: 'dead' }),
    ],
    [
      'end without an attempt',
      async (store) =>
        store.outbox.complete({ ...asDelivered(await claimNext(store)), state: 'cancelled' }),
    ],
    ['cancellation', (store, taskId) => store.tasks.cancel(taskId, NOW)],
  ])('has room for one more after the %s of a task', async (_how, end) => {
    const { store, agent } = await full();
    const [task] = await tasksOf(store, agent);
    await end(store, task?.id ?? '');
    expect(await take(store, agent)).toBe('inserted');
    expect(await take(store, agent)).toBe('queue_full');
  });

  const claimNext = async (store: Store) => (await claim(store, { limit: 1 })).deliveries[0];

  it('has room for all again after the end of each', async () => {
    const { store, agent } = await full();
    for (const held of (await claim(store)).deliveries) {
      await store.outbox.complete(asDelivered(held));
    }
    for (let i = 0; i < LIMIT; i += 1) expect(await take(store, agent)).toBe('inserted');
    expect(await take(store, agent)).toBe('queue_full');
  });

  it('counts what is in flight, and what waits for its retry', async () => {
    const { store, agent } = await full();
    const held = await claimNext(store);
    expect(await take(store, agent)).toBe('queue_full');
    await store.outbox.complete({ ...asRetry(held, 9_000), attempt: anAttempt() });
    expect(await take(store, agent)).toBe('queue_full');
    await store.outbox.release((await claim(store)).deliveries, NOW);
    expect(await take(store, agent)).toBe('queue_full');
  });

  it('gives the room of a task that was cancelled in flight once', async () => {
    const { store, agent } = await full();
    const held = await claimNext(store);
    await store.tasks.cancel(held?.id ?? '', NOW);
    await store.tasks.cancel(held?.id ?? '', NOW);
    await store.outbox.complete({ ...asDelivered(held), attempt: anAttempt() });
    expect(await take(store, agent)).toBe('inserted');
    expect(await take(store, agent)).toBe('queue_full');
  });

  it('gives no room for a completion that comes too late', async () => {
    const { store, agent } = await full();
    const { deliveries } = await claim(store, { lease: { owner: 'slow', until: NOW + 1 } });
    await claim(store, { now: NOW + 1 });
    for (const held of deliveries) {
      expect(await store.outbox.complete(asDelivered(held))).toBe('stale');
    }
    expect(await take(store, agent)).toBe('queue_full');
  });

  it('is of the tasks of one agent', async () => {
    const { store, agent } = await full();
    expect(await take(store, await registered(store))).toBe('inserted');
    expect(await take(store, agent, LIMIT + 1)).toBe('inserted');
    const other = await registered(store);
    for (let i = 0; i < LIMIT; i += 1) {
      const webhook = aDelivery(other.agentId, { kind: 'webhook' });
      await updateAgent(store, other.agentId, { version: String(i) }, { webhook });
    }
    expect(await take(store, other)).toBe('inserted');
  });

  it('says of a key that was used what it always says, and uses up none', async () => {
    const { store, agent } = await full();
    const held = await claimNext(store);
    await store.outbox.complete(asDelivered(held));
    const task = aDelivery(agent.agentId);
    const keyed = (bodyHash: string, key = 'k', id = task) =>
      insertTask(store, id, { idempotency: { key, bodyHash }, queueLimit: LIMIT, lease: lease() });
    expect(await keyed('h')).toMatchObject({ outcome: 'inserted', leased: true });
    expect(await keyed('h')).toEqual({ outcome: 'repeated', taskId: task.id });
    expect(await keyed('other')).toEqual({ outcome: 'idempotency_conflict' });
    const refused = aDelivery(agent.agentId);
    expect(await keyed('h', 'new', refused)).toEqual({ outcome: 'queue_full' });
    await store.tasks.cancel(task.id, NOW);
    expect(await keyed('h', 'new', refused)).toMatchObject({ outcome: 'inserted' });
  });

  it('is kept to over a restart', async () => {
    const { store, reopen, agent } = await full();
    await store.outbox.complete(asDelivered(await claimNext(store)));
    const again = await reopen();
    expect(await take(again, agent)).toBe('inserted');
    expect(await take(again, agent)).toBe('queue_full');
  });

  it('begins anew for an agent that comes back under its id', async () => {
    const { store, agent } = await full();
    await store.agents.remove(agent.agentId, removal(NOW));
    await registered(store, { agentId: agent.agentId });
    for (let i = 0; i < LIMIT; i += 1) expect(await take(store, agent)).toBe('inserted');
    expect(await take(store, agent)).toBe('queue_full');
  });

  it('of one lets the next in when the first has ended, again and again', async () => {
    const { store } = await open();
    const agent = await registered(store);
    for (let i = 0; i < 5; i += 1) {
      expect(await take(store, agent, 1)).toBe('inserted');
      expect(await take(store, agent, 1)).toBe('queue_full');
      await store.outbox.complete(asDelivered(await claimOne(store)));
    }
  });
}
