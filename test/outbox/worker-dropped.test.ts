import { describe, expect, it } from 'vitest';
import { aDelivery, bornWith } from '../helpers/records.ts';
import { insertTask, removal } from '../helpers/store.ts';
import { until } from '../helpers/until.ts';
import { setupWorker } from '../helpers/worker.ts';

// A task may end while it is on its way from the store to the worker: committed there, and not yet in hand here.

/** A task that is stored with a lease, and can be handed over afterwards: what tasks.ts does, in two steps. */
async function born(kit: ReturnType<typeof setupWorker>, agentId: string) {
  const now = kit.clock.now();
  const task = aDelivery(agentId, { createdAt: now, dueAt: now });
  const lease = kit.worker.reserve(task.lane);
  if (lease === undefined) throw new Error('the worker has no room');
  const result = await insertTask(kit.real, task, { lease });
  if (result.outcome !== 'inserted') throw new Error(result.outcome);
  const handOver = () => kit.worker.accept(bornWith(lease, task, result.seq));
  return { id: task.id, lane: task.lane, handOver };
}

describe('a task that is cancelled before the worker has it', () => {
  it('on its way from being stored is never sent, and leaves its room to others', async () => {
    const kit = setupWorker({ agentConcurrency: 1, world: () => 200 });
    const { agentId } = await kit.agent();
    kit.worker.start();
    const gone = await born(kit, agentId);
    const stays = await born(kit, agentId);
    await kit.real.tasks.cancel(gone.id, kit.clock.now());
    kit.worker.drop(gone.id);
    gone.handOver();
    stays.handOver();
    await until(async () => (await kit.stateOf(stays.id)) === 'delivered');
    expect(kit.started.map(({ id }) => id)).toEqual([stays.id]);
    expect(await kit.stateOf(gone.id)).toBe('cancelled');
    // The lane has all its room again: one slot, and four times that leased ahead.
    for (let i = 0; i < 5; i += 1) expect(kit.worker.reserve(gone.lane)).toBeDefined();
    for (let i = 0; i < 5; i += 1) kit.worker.unreserve(gone.lane);
  });

  it('on its way from a claim is never sent, and the rest of the claim is', async () => {
    let arrive: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      arrive = resolve;
    });
    let committed = false;
    const kit = setupWorker({
      world: () => 200,
      outbox: (real) => ({
        claim: async (request) => {
          const result = await real.claim(request);
          if (result.deliveries.length > 0) {
            committed = true;
            await gate;
          }
          return result;
        },
      }),
    });
    const [first = '', gone = '', last = ''] = await kit.tasks(await kit.agent(), 3);
    kit.worker.start();
    await until(() => committed);
    expect(await kit.real.tasks.cancel(gone, kit.clock.now())).toBe('cancelled');
    kit.worker.drop(gone);
    arrive();
    for (const id of [first, last])
      await until(async () => (await kit.stateOf(id)) === 'delivered');
    await kit.settle();
    expect(kit.started.map(({ id }) => id)).toEqual([first, last]);
    expect(await kit.stateOf(gone)).toBe('cancelled');
  });

  it('with its agent, which leaves at that moment, is never sent either', async () => {
    const kit = setupWorker({ world: () => 200 });
    const { agentId } = await kit.agent();
    kit.worker.start();
    const { id, handOver } = await born(kit, agentId);
    const ended: string[] = [];
    const plan = removal(kit.clock.now(), {
      holder: kit.worker,
      reportOf: (task) => {
        ended.push(task.id);
        return undefined;
      },
    });
    expect(await kit.real.agents.remove(agentId, plan)).toMatchObject({ done: true });
    expect(ended).toEqual([id]);
    for (const task of ended) kit.worker.drop(task);
    handOver();
    await kit.settle();
    expect(kit.started).toEqual([]);
    expect(await kit.stateOf(id)).toBe('cancelled');
  });
});
