import { expect, it } from 'vitest';
import type { LeasedDelivery } from '../../../src/outbox/delivery.ts';
import type { Store } from '../../../src/store/store.ts';
import { aDelivery, anAttempt } from '../../helpers/records.ts';
import {
  NOW,
  LEASE_MS,
  asDelivered,
  asRetry,
  claim,
  claimIds,
  claimNames,
  claimOne,
  registered,
  waiting,
  type OpenStore,
} from './steps.ts';

export function completing(open: OpenStore): void {
  async function heldTask(store: Store) {
    const agent = await registered(store);
    const task = await waiting(store, agent);
    const [held] = (await claim(store)).deliveries;
    if (held === undefined) throw new Error('nothing claimed');
    return { agent, task, held };
  }

  it('records the attempt and the end', async () => {
    const { store } = await open();
    const { task, held } = await heldTask(store);
    const attempt = anAttempt({ responseExcerpt: 'done ✓' });
    expect(await store.outbox.complete({ ...asDelivered(held), attempt, finishedAt: 3_000 })).toBe(
      'done',
    );
    expect(await store.tasks.get(task.id)).toMatchObject({
      record: {
        state: 'delivered',
        attemptCount: 1,
        finishedAt: 3_000,
        nextAttemptAt: null,
        lastError: null,
      },
      attempts: [attempt],
    });
    expect(await claimIds(store, { now: NOW + LEASE_MS })).toEqual([]);
  });

  it('records every attempt, in its order', async () => {
    const { store } = await open();
    const { task, held } = await heldTask(store);
    const first = anAttempt({ outcome: 'retry', statusCode: 503, errorClass: 'http_status' });
    const second = anAttempt({
      number: 2,
      outcome: 'failed',
      statusCode: null,
      errorClass: 'timeout',
      responseExcerpt: null,
    });
    await store.outbox.complete({ ...asRetry(held, 5_000), attempt: first, lastError: 'http_503' });
    expect((await store.tasks.get(task.id))?.record).toMatchObject({
      state: 'scheduled',
      attemptCount: 1,
      nextAttemptAt: 5_000,
      lastError: 'http_503',
      finishedAt: null,
    });
    const [again] = (await claim(store, { now: 5_000 })).deliveries;
    expect(again).toMatchObject({ id: task.id, attemptCount: 1, epoch: 2 });
    await store.outbox.complete({
      ...asDelivered(again),
      state: 'dead',
      attempt: second,
      lastError: 'timeout',
    });
    expect(await store.tasks.get(task.id)).toMatchObject({
      record: { state: 'dead', attemptCount: 2, lastError: 'timeout' },
      attempts: [first, second],
    });
  });

  it('is due again at its time, not sooner', async () => {
    const { store } = await open();
    const { task, held } = await heldTask(store);
    await store.outbox.complete(asRetry(held, 5_000));
    expect(await claimIds(store, { now: 4_999 })).toEqual([]);
    expect(await claimIds(store, { now: 5_000 })).toEqual([task.id]);
  });

  it('is due again at once when its time is past', async () => {
    const { store } = await open();
    const { task, held } = await heldTask(store);
    await store.outbox.complete(asRetry(held, 0));
    expect(await claimIds(store)).toEqual([task.id]);
  });

  it('burns no attempt when there was none', async () => {
    const { store } = await open();
    const { task, held } = await heldTask(store);
    await store.outbox.complete({ ...asRetry(held, 5_000), lastError: 'not_configured' });
    expect(await store.tasks.get(task.id)).toMatchObject({
      record: { attemptCount: 0, lastError: 'not_configured', nextAttemptAt: 5_000 },
      attempts: [],
    });
  });

  it('tells the next holder which attempts do not count against the schedule', async () => {
    const { store } = await open();
    const { task, held } = await heldTask(store);
    expect(held.unburntCount).toBe(0);
    const attempts = [1, 2, 3].map((number) => anAttempt({ number, outcome: 'retry' }));
    let current = held;
    for (const [index, attempt] of attempts.entries()) {
      const unburnt = index !== 1;
      await store.outbox.complete({ ...asRetry(current, 5_000), attempt, unburnt });
      current = await claimOne(store, { now: 5_000 });
    }
    expect(current).toMatchObject({ id: task.id, attemptCount: 3, unburntCount: 2 });
    await store.outbox.release([current], 5_000);
    expect(await claimOne(store, { now: 5_000 })).toMatchObject({ unburntCount: 2 });
    expect(await store.tasks.get(task.id)).toMatchObject({ record: { attemptCount: 3 }, attempts });
  });

  it('of a lease that has run out counts as long as nobody else took it', async () => {
    const { store } = await open();
    const { task, held } = await heldTask(store);
    expect(await store.outbox.complete({ ...asDelivered(held), finishedAt: 99_000 })).toBe('done');
    expect((await store.tasks.get(task.id))?.record.state).toBe('delivered');
  });

  it('of a lease that somebody else took over changes nothing (fencing)', async () => {
    const { store } = await open();
    const { agent, task, held } = await heldTask(store);
    const [taken] = (await claim(store, { now: held.leaseUntil })).deliveries;
    expect(taken?.epoch).toBe(held.epoch + 1);
    const before = await store.tasks.get(task.id);
    const followUp = aDelivery(agent.agentId, { kind: 'state_report' });
    const attempt = anAttempt({ outcome: 'failed' });
    for (const late of [
      { ...asDelivered(held), attempt },
      { ...asDelivered(held), state: 'dead', attempt, followUp } as const,
      { ...asRetry(held, 0), attempt },
    ]) {
      expect(await store.outbox.complete(late)).toBe('stale');
    }
    expect(await store.tasks.get(task.id)).toEqual(before);
    expect(await claimIds(store)).toEqual([]);
    expect(await store.outbox.complete(asDelivered(taken))).toBe('done');
  });

  it('twice counts once', async () => {
    const { store } = await open();
    for (const completionOf of [
      (held: LeasedDelivery) => ({ ...asDelivered(held), attempt: anAttempt() }),
      (held: LeasedDelivery) => ({ ...asRetry(held, 9_000_000), attempt: anAttempt() }),
    ]) {
      const { task, held } = await heldTask(store);
      expect(await store.outbox.complete(completionOf(held))).toBe('done');
      const after = await store.tasks.get(task.id);
      expect(await store.outbox.complete(completionOf(held))).toBe('stale');
      expect(await store.tasks.get(task.id)).toEqual(after);
    }
  });

  it('twice counts once for a cancelled one, too', async () => {
    const { store } = await open();
    const { task, held } = await heldTask(store);
    await store.tasks.cancel(task.id, NOW);
    const completion = { ...asDelivered(held), attempt: anAttempt() };
    await store.outbox.complete(completion);
    expect(await store.outbox.complete(completion)).toBe('stale');
    expect((await store.tasks.get(task.id))?.attempts).toHaveLength(1);
  });

  it('a dead letter and its report are stored together', async () => {
    const { store } = await open();
    const { agent, task, held } = await heldTask(store);
    const report = aDelivery(agent.agentId, { kind: 'state_report', name: 'error' });
    const completion = { ...asDelivered(held), state: 'dead', followUp: report } as const;
    expect(await store.outbox.complete(completion)).toBe('done');
    expect((await store.tasks.get(task.id))?.record.state).toBe('dead');
    expect(await claimNames(store)).toEqual(['error']);
  });

  it('neither is stored when one of them fails', async () => {
    const { store } = await open();
    const { agent, task, held } = await heldTask(store);
    const report = aDelivery(agent.agentId, { kind: 'state_report', id: task.id });
    const completion = { ...asDelivered(held), state: 'dead', followUp: report } as const;
    await expect(
      store.outbox.complete({ ...completion, attempt: anAttempt({ outcome: 'failed' }) }),
    ).rejects.toThrow();
    expect(await store.tasks.get(task.id)).toMatchObject({
      record: { state: 'scheduled', attemptCount: 0 },
      attempts: [],
    });
    expect(await store.outbox.complete(asDelivered(held))).toBe('done');
  });
}
