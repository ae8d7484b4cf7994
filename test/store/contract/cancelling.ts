import { expect, it } from 'vitest';
import { aDelivery, anAttempt } from '../../helpers/records.ts';
import {
  NOW,
  LEASE_MS,
  asDelivered,
  claim,
  claimIds,
  registered,
  waiting,
  type OpenStore,
} from './steps.ts';

export function cancelling(open: OpenStore): void {
  it('ends a waiting task: no worker gets it any more', async () => {
    const { store } = await open();
    const agent = await registered(store);
    const task = await waiting(store, agent);
    expect(await store.tasks.cancel(task.id, 3_000)).toBe('cancelled');
    expect((await store.tasks.get(task.id))?.record).toMatchObject({
      state: 'cancelled',
      finishedAt: 3_000,
      nextAttemptAt: null,
    });
    expect(await claimIds(store)).toEqual([]);
    expect(await claimIds(store, { now: NOW + LEASE_MS })).toEqual([]);
  });

  it('may be said again, and keeps the time of the first', async () => {
    const { store } = await open();
    const task = await waiting(store, await registered(store));
    await store.tasks.cancel(task.id, 3_000);
    expect(await store.tasks.cancel(task.id, 4_000)).toBe('cancelled');
    expect((await store.tasks.get(task.id))?.record.finishedAt).toBe(3_000);
  });

  it('comes too late for a task that has ended', async () => {
    const { store } = await open();
    const agent = await registered(store);
    for (const state of ['delivered', 'dead'] as const) {
      const task = await waiting(store, agent);
      const [held] = (await claim(store)).deliveries;
      await store.outbox.complete({ ...asDelivered(held), state });
      expect(await store.tasks.cancel(task.id, NOW)).toBe('finished');
      expect((await store.tasks.get(task.id))?.record.state).toBe(state);
    }
  });

  it('knows nothing of an unknown one', async () => {
    const { store } = await open();
    expect(await store.tasks.cancel('nothing', NOW)).toBe('not_found');
  });

  it('of a task in flight stands, and its attempt is recorded all the same', async () => {
    const { store } = await open();
    const agent = await registered(store);
    const task = await waiting(store, agent);
    const [held] = (await claim(store)).deliveries;
    await store.tasks.cancel(task.id, 3_000);
    const report = aDelivery(agent.agentId, { kind: 'state_report' });
    const attempt = anAttempt({
      outcome: 'failed',
      statusCode: 404,
      errorClass: 'http_status',
    });
    const completion = { ...asDelivered(held), state: 'dead', attempt, followUp: report } as const;
    expect(await store.outbox.complete(completion)).toBe('stale');
    expect(await store.tasks.get(task.id)).toMatchObject({
      record: { state: 'cancelled', finishedAt: 3_000, attemptCount: 1 },
      attempts: [attempt],
    });
    expect(await claimIds(store, { now: NOW + LEASE_MS })).toEqual([]);
  });
}
