import { expect, it } from 'vitest';
import {
  NOW,
  LEASE_MS,
  asDead,
  asDelivered,
  claimNames,
  claimOne,
  drain,
  registered,
  stateOf,
  waiting,
  webhook,
  type OpenStore,
} from './steps.ts';

export function endingDeliveries(open: OpenStore): void {
  async function lane() {
    const { store } = await open();
    const agent = await registered(store);
    const [first, second] = [
      await webhook(store, agent, 'first'),
      await webhook(store, agent, 'second'),
    ];
    return { store, agent, first, second };
  }

  it('ends a waiting webhook; the next of its lane goes out', async () => {
    const { store, first } = await lane();
    expect(await store.deliveries.cancel(first.id, NOW)).toBe('cancelled');
    expect((await store.deliveries.get(first.id))?.record).toMatchObject({
      state: 'cancelled',
      finishedAt: NOW,
      nextAttemptAt: null,
    });
    expect(await drain(store)).toEqual(['second']);
  });

  it('ends one that waits behind another', async () => {
    const { store, second } = await lane();
    expect(await store.deliveries.cancel(second.id, NOW)).toBe('cancelled');
    expect(await drain(store)).toEqual(['first']);
  });

  it('may be said again, and keeps the time of the first', async () => {
    const { store, first } = await lane();
    await store.deliveries.cancel(first.id, 3_000);
    expect(await store.deliveries.cancel(first.id, 4_000)).toBe('cancelled');
    expect((await store.deliveries.get(first.id))?.record.finishedAt).toBe(3_000);
  });

  it('waits for what is being sent: the next may not start beside it', async () => {
    const { store, first } = await lane();
    const held = await claimOne(store);
    expect(await store.deliveries.cancel(first.id, NOW)).toBe('busy');
    expect(await claimNames(store)).toEqual([]);
    expect(await store.outbox.complete(asDelivered(held))).toBe('done');
    expect(await stateOf(store, first)).toBe('delivered');
  });

  it('ends what a dead worker held once its lease ran out', async () => {
    const { store, first } = await lane();
    const held = await claimOne(store);
    expect(await store.deliveries.cancel(first.id, NOW + LEASE_MS)).toBe('cancelled');
    expect(await store.outbox.complete(asDelivered(held))).toBe('stale');
    expect(await claimNames(store, { now: NOW + LEASE_MS })).toEqual(['second']);
  });

  it('comes too late for what has ended', async () => {
    const { store, first, second } = await lane();
    await store.outbox.complete(asDelivered(await claimOne(store)));
    await store.outbox.complete(asDead(await claimOne(store)));
    expect(await store.deliveries.cancel(first.id, NOW)).toBe('finished');
    expect(await store.deliveries.cancel(second.id, NOW)).toBe('finished');
    expect(await stateOf(store, second)).toBe('dead');
  });

  it('knows nothing of an unknown one, and leaves tasks to their own cancel', async () => {
    const { store, agent } = await lane();
    const task = await waiting(store, agent);
    expect(await store.deliveries.cancel('nothing', NOW)).toBe('not_found');
    expect(await store.deliveries.cancel(task.id, NOW)).toBe('not_found');
    expect(await stateOf(store, task)).toBe('scheduled');
  });
}
