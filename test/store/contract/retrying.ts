import { describe, expect, it } from 'vitest';
import type { LeasedDelivery } from '../../../src/outbox/delivery.ts';
import type { Agent, Store } from '../../../src/store/store.ts';
import { aDelivery, anAttempt } from '../../helpers/records.ts';
import { insertTask, removal, updateAgent } from '../../helpers/store.ts';
import {
  NOW,
  LEASE_MS,
  asDead,
  asDelivered,
  asRetry,
  claim,
  claimNames,
  claimOne,
  deregistering,
  drain,
  failAll,
  registered,
  stateOf,
  waiting,
  webhook,
  type OpenStore,
} from './steps.ts';

export function retrying(open: OpenStore): void {
  const retry = (store: Store, { id }: { readonly id: string }, now = NOW) =>
    store.deliveries.retry(id, { now, force: false });
  const force = (store: Store, { id }: { readonly id: string }) =>
    store.deliveries.retry(id, { now: NOW, force: true });

  async function deadTask() {
    const { store, reopen } = await open();
    const agent = await registered(store);
    const task = await waiting(store, agent, { body: '{"task_name":"ü"}' });
    await failAll(store);
    return { store, reopen, agent, task };
  }

  it('schedules a dead letter again under its id, with its bytes, its attempts and a whole retry schedule', async () => {
    const { store, task } = await deadTask();
    expect(await retry(store, task, 3_000)).toBe('scheduled');
    expect(await store.deliveries.get(task.id)).toMatchObject({
      record: {
        state: 'scheduled',
        finishedAt: null,
        nextAttemptAt: 3_000,
        attemptCount: 1,
        lastError: 'http_503',
        errorClass: 'http_status',
      },
      attempts: [{ number: 1, outcome: 'failed' }],
    });
    const again = await claimOne(store, { now: 3_000 });
    expect(again).toMatchObject({ id: task.id, attemptCount: 1, unburntCount: 1, lane: task.lane });
    expect(Buffer.from(again.body).toString()).toBe('{"task_name":"ü"}');
    await store.outbox.complete({ ...asDelivered(again), attempt: anAttempt({ number: 2 }) });
    expect(await store.deliveries.get(task.id)).toMatchObject({
      record: { state: 'delivered', errorClass: null, lastError: null },
      attempts: [{ number: 1 }, { number: 2 }],
    });
  });

  it('may be said again: it stays scheduled', async () => {
    const { store, task } = await deadTask();
    expect(await retry(store, task)).toBe('scheduled');
    expect(await retry(store, task)).toBe('scheduled');
    expect((await claim(store)).deliveries).toHaveLength(1);
  });

  it('outlasts a restart', async () => {
    const { store, reopen, task } = await deadTask();
    await retry(store, task);
    const again = await reopen();
    expect(await claimOne(again)).toMatchObject({ id: task.id });
  });

  it('is a dead letter again when it dies again, and found as one', async () => {
    const { store, task } = await deadTask();
    await retry(store, task);
    await failAll(store, { statusCode: null, errorClass: 'timeout' });
    const { items } = await store.deliveries.list({ state: 'dead' }, { limit: 10, before: null });
    expect(items).toMatchObject([{ id: task.id, attemptCount: 2, errorClass: 'timeout' }]);
    expect(await retry(store, task)).toBe('scheduled');
    expect(
      (await store.deliveries.list({ state: 'dead' }, { limit: 10, before: null })).items,
    ).toEqual([]);
  });

  it('makes a waiting one due now, with a whole retry schedule', async () => {
    const { store } = await open();
    const task = await waiting(store, await registered(store));
    const attempt = anAttempt({ outcome: 'retry', statusCode: 503, errorClass: 'http_status' });
    await store.outbox.complete({
      ...asRetry(await claimOne(store), 90_000),
      attempt,
      lastError: 'http_503',
    });
    expect(await claimNames(store)).toEqual([]);
    expect(await retry(store, task)).toBe('scheduled');
    expect(await claimOne(store)).toMatchObject({ id: task.id, attemptCount: 1, unburntCount: 1 });
  });

  it('leaves one alone that a worker has', async () => {
    const { store } = await open();
    const task = await waiting(store, await registered(store));
    const held = await claimOne(store);
    expect(await retry(store, task)).toBe('under_way');
    expect(await store.outbox.complete(asDelivered(held))).toBe('done');
  });

  it('sends one again that was cancelled, and what is still said of its old lease is stale', async () => {
    const { store } = await open();
    const task = await waiting(store, await registered(store));
    const old = await claimOne(store);
    await store.tasks.cancel(task.id, NOW);
    expect(await retry(store, task)).toBe('scheduled');
    expect(await store.outbox.complete(asDelivered(old))).toBe('stale');
    const current = await claimOne(store);
    expect(current.epoch).toBeGreaterThan(old.epoch);
    expect(await store.outbox.complete(asDelivered(old))).toBe('stale');
    expect(await store.outbox.complete(asDelivered(current))).toBe('done');
  });

  it('fences what was said twice of the lease that it died under', async () => {
    const { store, task } = await deadTask();
    await retry(store, task);
    const second = await claimOne(store);
    const end = asDead(second);
    await store.outbox.complete(end);
    await retry(store, task);
    const third = await claimOne(store);
    expect(third.epoch).toBeGreaterThan(second.epoch);
    expect(await store.outbox.complete(end)).toBe('stale');
    expect(await stateOf(store, task)).toBe('scheduled');
  });

  it('sends one that was delivered only when that is said', async () => {
    const { store } = await open();
    const task = await waiting(store, await registered(store));
    await store.outbox.complete({ ...asDelivered(await claimOne(store)), attempt: anAttempt() });
    expect(await retry(store, task)).toBe('delivered');
    expect(await stateOf(store, task)).toBe('delivered');
    expect(await force(store, task)).toBe('scheduled');
    const again = await claimOne(store);
    expect(again).toMatchObject({ id: task.id, attemptCount: 1 });
    await store.outbox.complete({ ...asDelivered(again), attempt: anAttempt({ number: 2 }) });
    expect(await store.deliveries.get(task.id)).toMatchObject({
      attempts: [{ number: 1 }, { number: 2 }],
    });
  });

  it('knows nothing of an unknown one', async () => {
    const { store } = await open();
    expect(await retry(store, { id: 'nothing' })).toBe('not_found');
  });

  it('refuses a task whose agent is gone, or going', async () => {
    const { store, agent, task } = await deadTask();
    await store.agents.remove(agent.agentId, removal(NOW));
    expect(await retry(store, task)).toBe('agent_gone');
    expect(await force(store, task)).toBe('agent_gone');
    expect(await stateOf(store, task)).toBe('dead');
    const { store: other } = await open();
    const leaving = await registered(other);
    const dead = await waiting(other, leaving);
    await failAll(other);
    await waiting(other, leaving);
    await other.agents.remove(leaving.agentId, removal(NOW, { limit: 1 }));
    expect(await retry(other, dead)).toBe('agent_gone');
    expect((await deregistering(other)).status).not.toBe('deregistering');
  });

  it('counts in the queue of its agent', async () => {
    const { store, agent, task } = await deadTask();
    const limited = (name: string) =>
      insertTask(store, aDelivery(agent.agentId, { name, dueAt: 90_000 }), { queueLimit: 2 });
    expect((await limited('a')).outcome).toBe('inserted');
    await retry(store, task);
    expect((await limited('b')).outcome).toBe('queue_full');
    await store.outbox.complete(asDelivered(await claimOne(store)));
    expect((await limited('c')).outcome).toBe('inserted');
  });

  it('waits while its lane is held', async () => {
    const { store, agent, task } = await deadTask();
    await updateAgent(
      store,
      agent.agentId,
      { status: 'offline' },
      { holdUntil: Number.MAX_SAFE_INTEGER },
    );
    expect(await retry(store, task)).toBe('scheduled');
    expect(await claimNames(store)).toEqual([]);
    await updateAgent(store, agent.agentId, { status: 'online' }, { holdUntil: 0 });
    expect(await claimOne(store)).toMatchObject({ id: task.id });
  });

  describe('in an ordered lane', () => {
    async function agentWith(...names: string[]) {
      const { store } = await open();
      const agent = await registered(store);
      const webhooks = [];
      for (const name of names) webhooks.push(await webhook(store, agent, name));
      return { store, agent, webhooks };
    }

    async function sent(
      store: Store,
      how: (held: LeasedDelivery) => Parameters<Store['outbox']['complete']>[0],
    ) {
      const held = await claimOne(store);
      await store.outbox.complete(how(held));
      return held;
    }

    it('keeps its place: before what was accepted later', async () => {
      const { store, webhooks } = await agentWith('first', 'second', 'third');
      await sent(store, asDead);
      await sent(store, asDead);
      expect(await retry(store, webhooks[1] as never)).toBe('scheduled');
      expect(await retry(store, webhooks[0] as never)).toBe('scheduled');
      expect(await drain(store)).toEqual(['first', 'second', 'third']);
    });

    it('is refused once a later one was delivered, whatever is said: it would undo that', async () => {
      const { store, webhooks } = await agentWith('REGISTER', 'DEREGISTER');
      await sent(store, asDead);
      await sent(store, asDelivered);
      expect(await retry(store, webhooks[0] as never)).toBe('superseded');
      expect(await force(store, webhooks[0] as never)).toBe('superseded');
      expect(await stateOf(store, webhooks[0] as never)).toBe('dead');
      expect(await force(store, webhooks[1] as never)).toBe('scheduled');
      expect(await drain(store)).toEqual(['DEREGISTER']);
    });

    it('is superseded by its own agent alone', async () => {
      const { store, webhooks } = await agentWith('first');
      await sent(store, asDead);
      await webhook(store, await registered(store), 'other');
      await drain(store);
      expect(await retry(store, webhooks[0] as never)).toBe('scheduled');
    });

    it('is not overtaken: while a later one is being sent it is too early to tell', async () => {
      const { store, webhooks } = await agentWith('first', 'second');
      await sent(store, asDead);
      const held = await claimOne(store);
      expect(held.name).toBe('second');
      expect(await retry(store, webhooks[0] as never)).toBe('busy');
      expect(await claimNames(store)).toEqual([]);
      await store.outbox.complete(asRetry(held, NOW));
      expect(await retry(store, webhooks[0] as never)).toBe('scheduled');
      expect(await drain(store)).toEqual(['first', 'second']);
    });

    it('waits for an earlier one that is being sent, and is one in flight', async () => {
      const { store, webhooks } = await agentWith('first', 'second');
      const first = await claimOne(store);
      await store.outbox.complete(asDead(first));
      await sent(store, asDead);
      await retry(store, webhooks[0] as never);
      const again = await claimOne(store);
      expect(again.name).toBe('first');
      expect(await retry(store, webhooks[1] as never)).toBe('scheduled');
      expect(await claimNames(store)).toEqual([]);
      await store.outbox.complete(asDelivered(again));
      expect(await claimNames(store)).toEqual(['second']);
    });

    it('makes what stands before it due as well', async () => {
      const { store, webhooks } = await agentWith('first', 'second');
      await sent(store, (held) => asRetry(held, 90_000));
      expect(await claimNames(store)).toEqual([]);
      expect(await retry(store, webhooks[1] as never)).toBe('scheduled');
      expect(await drain(store)).toEqual(['first', 'second']);
    });

    it('a report that went before DEREGISTER goes before it again', async () => {
      const { store } = await open();
      const agent = await registered(store);
      await waiting(store, agent, { dueAt: 90_000 });
      const lane = `webhook:${agent.agentId}`;
      const report = aDelivery(agent.agentId, { kind: 'state_report', name: 'error', lane });
      const goodbye = aDelivery(agent.agentId, { kind: 'webhook', name: 'DEREGISTER' });
      await store.agents.remove(
        agent.agentId,
        removal(NOW, { reportOf: () => report, webhookOf: () => goodbye }),
      );
      expect(await failAll(store)).toEqual([report.id, goodbye.id]);
      expect(await retry(store, goodbye)).toBe('scheduled');
      expect(await retry(store, report)).toBe('scheduled');
      expect(await drain(store)).toEqual(['error', 'DEREGISTER']);
    });
  });

  it('takes what a dead worker held once its lease ran out', async () => {
    const { store } = await open();
    const task = await waiting(store, await registered(store));
    await claimOne(store);
    const later = NOW + LEASE_MS;
    expect(await retry(store, task, later)).toBe('scheduled');
    expect(await claimOne(store, { now: later })).toMatchObject({ id: task.id });
  });

  it('of many at once schedules each once', async () => {
    const { store } = await open();
    const agent: Agent = await registered(store);
    const tasks = [];
    for (let i = 0; i < 20; i += 1) tasks.push(await waiting(store, agent, { name: `t${i}` }));
    await failAll(store);
    const outcomes = await Promise.all([...tasks, ...tasks].map((task) => retry(store, task)));
    // A replica that comes second may find it scheduled, and leave it.
    expect(outcomes.filter((outcome) => !['scheduled', 'under_way'].includes(outcome))).toEqual([]);
    expect(outcomes.filter((outcome) => outcome === 'scheduled').length).toBeGreaterThanOrEqual(20);
    expect((await claim(store)).deliveries).toHaveLength(20);
  });
}
