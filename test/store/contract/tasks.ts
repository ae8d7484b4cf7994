import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { aDelivery, anAgent } from '../../helpers/records.ts';
import { insertAgent, insertTask } from '../../helpers/store.ts';
import {
  NOW,
  LEASE_MS,
  asDelivered,
  claim,
  claimIds,
  lease,
  pagesOf,
  registered,
  tasksOf,
  waiting,
  type OpenStore,
} from './steps.ts';

export function tasks(open: OpenStore): void {
  it('gives back what was inserted', async () => {
    const { store } = await open();
    const agent = await registered(store);
    const task = aDelivery(agent.agentId, { name: 'сводка', createdAt: 1_500, dueAt: 1_700 });
    const result = await insertTask(store, task);
    expect(result.outcome).toBe('inserted');
    expect(await store.tasks.get(task.id)).toEqual({
      record: {
        id: task.id,
        kind: 'task',
        agentId: agent.agentId,
        name: 'сводка',
        state: 'scheduled',
        attemptCount: 0,
        createdAt: 1_500,
        finishedAt: null,
        nextAttemptAt: 1_700,
        lastError: null,
        errorClass: null,
      },
      attempts: [],
    });
  });

  it('hands out the very bytes that came, whatever they are', async () => {
    const { store } = await open();
    const agent = await registered(store);
    const bodies = new Map<string, string>();
    const bytes = [...fc.sample(fc.uint8Array({ maxLength: 200 }), 20), new Uint8Array(0)];
    for (const body of [...bytes, Buffer.from('{"a": 1.0,\n"ü\\u00fc":1e2, "a":2}')]) {
      const task = await waiting(store, agent, { body, traceparent: `00-${bodies.size}` });
      bodies.set(task.id, Buffer.from(body).toString('hex'));
    }
    const { deliveries } = await claim(store);
    expect(
      new Map(deliveries.map(({ id, body }) => [id, Buffer.from(body).toString('hex')])),
    ).toEqual(bodies);
  });

  it('hands out everything else of a task as well', async () => {
    const { store } = await open();
    const agent = await registered(store);
    const task = aDelivery(agent.agentId, { traceparent: '00-aa-bb-01', name: 'n' });
    const result = await insertTask(store, task);
    const [held] = (await claim(store)).deliveries;
    expect({ ...held, body: Buffer.from(held?.body ?? []) }).toEqual({
      ...task,
      seq: result.outcome === 'inserted' ? result.seq : undefined,
      epoch: 1,
      attemptCount: 0,
      unburntCount: 0,
      probe: false,
      leaseUntil: NOW + LEASE_MS,
    });
  });

  it('takes none for an agent that is not there', async () => {
    const { store } = await open();
    const task = aDelivery('nobody');
    const key = { key: 'k', bodyHash: 'h' };
    expect(await insertTask(store, task, { lease: lease(), idempotency: key })).toEqual({
      outcome: 'agent_not_found',
    });
    expect(await store.tasks.get(task.id)).toBeUndefined();
    expect(await claimIds(store, { now: NOW + LEASE_MS })).toEqual([]);
  });

  it('knows no task that was not inserted, and takes no webhook for one', async () => {
    const { store } = await open();
    const agent = anAgent();
    const webhook = aDelivery(agent.agentId, { kind: 'webhook' });
    await insertAgent(store, agent, { webhook });
    expect(await store.tasks.get('nothing')).toBeUndefined();
    expect(await store.tasks.get(webhook.id)).toBeUndefined();
    expect(await store.tasks.cancel(webhook.id, NOW)).toBe('not_found');
    expect(await tasksOf(store, agent)).toEqual([]);
  });

  describe('born with a lease', () => {
    it('is taken by nobody else before the lease ends, and then under a new epoch', async () => {
      const { store } = await open();
      const agent = await registered(store);
      const task = await waiting(store, agent, {}, { owner: 'first', until: 5_000 });
      expect((await store.tasks.get(task.id))?.record.nextAttemptAt).toBeNull();
      expect(await claimIds(store, { now: 4_999 })).toEqual([]);
      const { deliveries } = await claim(store, { now: 5_000 });
      expect(deliveries).toMatchObject([{ id: task.id, epoch: 2, attemptCount: 0 }]);
    });

    it('is completed by its first holder under epoch 1', async () => {
      const { store } = await open();
      const agent = await registered(store);
      const task = aDelivery(agent.agentId);
      const result = await insertTask(store, task, { lease: lease() });
      if (result.outcome !== 'inserted') throw new Error(result.outcome);
      const held = { seq: result.seq, epoch: 1, lane: task.lane };
      expect(await store.outbox.complete({ ...asDelivered(held), finishedAt: 3_000 })).toBe('done');
      expect((await store.tasks.get(task.id))?.record).toMatchObject({
        state: 'delivered',
        finishedAt: 3_000,
      });
    });
  });

  describe('the list of an agent', () => {
    it('is newest first, page by page, each once', async () => {
      const { store } = await open();
      const agent = await registered(store);
      await waiting(store, await registered(store));
      const ids: string[] = [];
      for (let i = 0; i < 5; i += 1) ids.push((await waiting(store, agent)).id);
      const pages = await pagesOf((before) =>
        store.tasks.listOfAgent(agent.agentId, { limit: 2, before }),
      );
      expect(pages.map((page) => page.length)).toEqual([2, 2, 1]);
      expect(pages.flat().map(({ id }) => id)).toEqual(ids.reverse());
    });

    it('may be of one state', async () => {
      const { store } = await open();
      const agent = await registered(store);
      const first = await waiting(store, agent);
      const second = await waiting(store, agent);
      await store.tasks.cancel(first.id, NOW);
      const idsOf = async (state: 'scheduled' | 'cancelled' | 'dead') =>
        (
          await store.tasks.listOfAgent(agent.agentId, { limit: 10, before: null, state })
        ).items.map(({ id }) => id);
      expect(await idsOf('scheduled')).toEqual([second.id]);
      expect(await idsOf('cancelled')).toEqual([first.id]);
      expect(await idsOf('dead')).toEqual([]);
    });

    it('is empty past its end', async () => {
      const { store } = await open();
      const agent = await registered(store);
      await waiting(store, agent);
      const page = { limit: 2, before: '0' };
      expect(await store.tasks.listOfAgent(agent.agentId, page)).toEqual({
        items: [],
        next: null,
      });
    });
  });
}
