import { expect, it } from 'vitest';
import type { Agent, Store } from '../../../src/store/store.ts';
import { aDelivery, anAttempt } from '../../helpers/records.ts';
import { insertTask } from '../../helpers/store.ts';
import {
  asDelivered,
  claim,
  claimIds,
  registered,
  tasksOf,
  waiting,
  type OpenStore,
} from './steps.ts';

export function pruning(open: OpenStore): void {
  /** A task that was accepted at `createdAt` and ended as `state` at `finishedAt`. */
  async function ended(
    store: Store,
    agent: Agent,
    state: 'delivered' | 'dead' | 'cancelled',
    { createdAt = 1_000, finishedAt }: { createdAt?: number; finishedAt: number },
  ): Promise<string> {
    const task = await waiting(store, agent, { createdAt, dueAt: createdAt });
    const [held] = (await claim(store, { now: createdAt })).deliveries;
    await store.outbox.complete({ ...asDelivered(held), state, finishedAt, attempt: anAttempt() });
    return task.id;
  }
  const everything = { finishedBefore: 50_000, deadBefore: 50_000, limit: 100, cursor: 0 };

  it('deletes what ended before the retention, and keeps the rest', async () => {
    const { store } = await open();
    const agent = await registered(store);
    const old = await ended(store, agent, 'delivered', { finishedAt: 9_999 });
    const cancelled = await ended(store, agent, 'cancelled', { finishedAt: 9_999 });
    const young = await ended(store, agent, 'delivered', { finishedAt: 10_000 });
    const alive = await waiting(store, agent);
    const request = { ...everything, finishedBefore: 10_000 };
    expect(await store.outbox.prune(request)).toEqual({ deleted: 2, cursor: null });
    expect(await store.tasks.get(old)).toBeUndefined();
    expect(await store.tasks.get(cancelled)).toBeUndefined();
    expect((await store.tasks.get(young))?.attempts).toHaveLength(1);
    expect((await tasksOf(store, agent)).map(({ id }) => id)).toEqual([alive.id, young]);
    expect(await claimIds(store)).toEqual([alive.id]);
  });

  it('never deletes what still waits, however old', async () => {
    const { store } = await open();
    const task = await waiting(store, await registered(store), { dueAt: 90_000 });
    expect(await store.outbox.prune(everything)).toEqual({ deleted: 0, cursor: null });
    expect(await claimIds(store, { now: 90_000 })).toEqual([task.id]);
  });

  it('keeps dead letters for a time of their own, longer or shorter', async () => {
    const { store } = await open();
    const agent = await registered(store);
    const dead = await ended(store, agent, 'dead', { finishedAt: 9_999 });
    await ended(store, agent, 'delivered', { finishedAt: 9_999 });
    const longer = { ...everything, finishedBefore: 10_000, deadBefore: 5_000 };
    expect((await store.outbox.prune(longer)).deleted).toBe(1);
    expect((await store.tasks.get(dead))?.record.state).toBe('dead');
    const delivered = await ended(store, agent, 'delivered', { finishedAt: 9_999 });
    const shorter = { ...everything, finishedBefore: 5_000, deadBefore: 10_000 };
    expect((await store.outbox.prune(shorter)).deleted).toBe(1);
    expect(await store.tasks.get(dead)).toBeUndefined();
    expect(await store.tasks.get(delivered)).toBeDefined();
  });

  it('goes in steps, which the cursor joins', async () => {
    const { store } = await open();
    const agent = await registered(store);
    for (let i = 0; i < 7; i += 1) await ended(store, agent, 'delivered', { finishedAt: 9_000 });
    const alive = await waiting(store, agent);
    let cursor: number | null = 0;
    const deleted: number[] = [];
    while (cursor !== null) {
      const step: Awaited<ReturnType<Store['outbox']['prune']>> = await store.outbox.prune({
        ...everything,
        limit: 3,
        cursor,
      });
      deleted.push(step.deleted);
      cursor = step.cursor;
      expect(deleted.length).toBeLessThan(10);
    }
    expect(deleted.every((count) => count <= 3)).toBe(true);
    expect(deleted.reduce((a, b) => a + b)).toBe(7);
    expect((await tasksOf(store, agent)).map(({ id }) => id)).toEqual([alive.id]);
  });

  it('forgets an idempotency key after its retention, and not before', async () => {
    const { store } = await open();
    const agent = await registered(store);
    const keyed = (key: string, createdAt: number) =>
      insertTask(store, aDelivery(agent.agentId, { createdAt }), {
        idempotency: { key, bodyHash: 'h' },
      });
    await keyed('old', 9_999);
    await keyed('young', 10_000);
    await store.outbox.prune({ ...everything, finishedBefore: 10_000, deadBefore: 10_000 });
    expect((await keyed('young', 11_000)).outcome).toBe('repeated');
    expect((await keyed('old', 11_000)).outcome).toBe('inserted');
  });

  it('forgets old keys although what is younger is still there', async () => {
    // A quiet service always has something younger than the retention among the first rows.
    const { store } = await open();
    const agent = await registered(store);
    await ended(store, agent, 'delivered', { createdAt: 20_000, finishedAt: 20_000 });
    const task = aDelivery(agent.agentId, { createdAt: 1_000 });
    await insertTask(store, task, { idempotency: { key: 'old', bodyHash: 'h' } });
    await store.outbox.prune({ ...everything, finishedBefore: 10_000, deadBefore: 10_000 });
    const again = aDelivery(agent.agentId, { createdAt: 30_000 });
    const result = await insertTask(store, again, { idempotency: { key: 'old', bodyHash: 'h' } });
    expect(result.outcome).toBe('inserted');
  });

  it('has nothing to do in an empty store', async () => {
    const { store } = await open();
    expect(await store.outbox.prune(everything)).toEqual({ deleted: 0, cursor: null });
  });
}
