import { expect, it } from 'vitest';
import { aDelivery } from '../../helpers/records.ts';
import { insertTask } from '../../helpers/store.ts';
import { NOW, lease, registered, tasksOf, waiting, type OpenStore } from './steps.ts';

export function idempotency(open: OpenStore): void {
  const key = { key: 'order-7', bodyHash: 'hash' };

  it('yields the first task for the same body, and stores no other', async () => {
    const { store } = await open();
    const agent = await registered(store);
    const first = aDelivery(agent.agentId);
    const second = aDelivery(agent.agentId);
    expect((await insertTask(store, first, { idempotency: key })).outcome).toBe('inserted');
    expect(await insertTask(store, second, { lease: lease(), idempotency: key })).toEqual({
      outcome: 'repeated',
      taskId: first.id,
    });
    expect((await tasksOf(store, agent)).map(({ id }) => id)).toEqual([first.id]);
  });

  it('is a conflict for another body, and stores nothing', async () => {
    const { store } = await open();
    const agent = await registered(store);
    const first = aDelivery(agent.agentId);
    await insertTask(store, first, { idempotency: key });
    const other = { key: key.key, bodyHash: 'other' };
    expect(await insertTask(store, aDelivery(agent.agentId), { idempotency: other })).toEqual({
      outcome: 'idempotency_conflict',
    });
    expect((await tasksOf(store, agent)).map(({ id }) => id)).toEqual([first.id]);
  });

  it('stores one of several that come at the same moment', async () => {
    const { store } = await open();
    const agent = await registered(store);
    const results = await Promise.all(
      [1, 2, 3].map(() => insertTask(store, aDelivery(agent.agentId), { idempotency: key })),
    );
    expect(results.map(({ outcome }) => outcome).sort()).toEqual([
      'inserted',
      'repeated',
      'repeated',
    ]);
    const [task, ...more] = await tasksOf(store, agent);
    expect(more).toEqual([]);
    for (const result of results) {
      if (result.outcome === 'repeated') expect(result.taskId).toBe(task?.id);
    }
  });

  it('means one agent: another may use the same', async () => {
    const { store } = await open();
    for (const agent of [await registered(store), await registered(store)]) {
      const task = aDelivery(agent.agentId);
      expect((await insertTask(store, task, { idempotency: key })).outcome).toBe('inserted');
    }
  });

  it('still yields the task when that has ended', async () => {
    const { store } = await open();
    const agent = await registered(store);
    const task = aDelivery(agent.agentId);
    await insertTask(store, task, { idempotency: key });
    await store.tasks.cancel(task.id, NOW);
    const again = await insertTask(store, aDelivery(agent.agentId), { idempotency: key });
    expect(again).toEqual({ outcome: 'repeated', taskId: task.id });
  });

  it('is not used up by a task that could not be stored', async () => {
    const { store } = await open();
    const agent = await registered(store);
    const stored = await waiting(store, agent);
    const twin = aDelivery(agent.agentId, { id: stored.id });
    await expect(insertTask(store, twin, { idempotency: key })).rejects.toThrow();
    const task = aDelivery(agent.agentId);
    expect((await insertTask(store, task, { idempotency: key })).outcome).toBe('inserted');
  });
}
