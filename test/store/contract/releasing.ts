import { expect, it } from 'vitest';
import { aDelivery, anAgent } from '../../helpers/records.ts';
import { insertAgent, updateAgent } from '../../helpers/store.ts';
import {
  NOW,
  LEASE_MS,
  asDelivered,
  asRetry,
  claim,
  claimIds,
  drain,
  lease,
  registered,
  waiting,
  type OpenStore,
  type StoreOptions,
} from './steps.ts';

export function releasing(open: OpenStore, options: StoreOptions): void {
  it('makes what was not tried due at once, without an attempt', async () => {
    const { store } = await open();
    const agent = await registered(store);
    const ids = [(await waiting(store, agent)).id, (await waiting(store, agent)).id];
    const { deliveries } = await claim(store);
    await store.outbox.release(deliveries, 3_000);
    expect((await store.tasks.get(ids[0] ?? ''))?.record).toMatchObject({
      attemptCount: 0,
      nextAttemptAt: 3_000,
    });
    expect((await claimIds(store, { now: 3_000 })).sort()).toEqual(ids.sort());
  });

  it('takes no lease away from whoever holds it now', async () => {
    const { store } = await open();
    await waiting(store, await registered(store));
    const old = await claim(store);
    const now = NOW + LEASE_MS;
    const current = await claim(store, { now });
    await store.outbox.release(old.deliveries, now);
    expect(await claimIds(store, { now })).toEqual([]);
    expect(await store.outbox.complete(asDelivered(current.deliveries[0]))).toBe('done');
  });

  it('does not bring forward what is waiting for its retry', async () => {
    const { store } = await open();
    await waiting(store, await registered(store));
    const { deliveries } = await claim(store);
    await store.outbox.complete(asRetry(deliveries[0], 9_000));
    await store.outbox.release(deliveries, NOW);
    expect(await claimIds(store)).toEqual([]);
  });

  it('passes over what has ended', async () => {
    const { store } = await open();
    const task = await waiting(store, await registered(store));
    const { deliveries } = await claim(store);
    await store.tasks.cancel(task.id, NOW);
    await store.outbox.release(deliveries, NOW);
    expect(await claimIds(store)).toEqual([]);
  });

  it.runIf(options.recover)(
    'after a crash gives every lease back at once, and nothing else is touched',
    async () => {
      const { store } = await open();
      const agent = await registered(store);
      const born = await waiting(store, agent, {}, lease());
      const claimed = await waiting(store, agent);
      await claim(store);
      const later = await waiting(store, agent, { dueAt: 9_000 });
      expect(await store.outbox.recover(NOW, LEASE_MS)).toBe(2);
      expect((await claimIds(store)).sort()).toEqual([born.id, claimed.id].sort());
      expect((await store.tasks.get(later.id))?.record.nextAttemptAt).toBe(9_000);
      expect(await claimIds(store, { now: 8_999 })).toEqual([]);
    },
  );

  it.runIf(options.recover)('after a crash keeps the order of an ordered lane', async () => {
    const { store } = await open();
    const agent = anAgent();
    const webhook = (name: string) => aDelivery(agent.agentId, { kind: 'webhook', name });
    await insertAgent(store, agent, { webhook: webhook('first') });
    await claim(store);
    await updateAgent(store, agent.agentId, { version: '2' }, { webhook: webhook('second') });
    await store.outbox.recover(NOW, LEASE_MS);
    expect(await drain(store)).toEqual(['first', 'second']);
  });
}
