import { describe, expect, it } from 'vitest';
import { v7 as uuidv7 } from 'uuid';
import type { Replay, ReplayFilter } from '../../../src/store/delivery-store.ts';
import type { Agent, Store } from '../../../src/store/store.ts';
import { removal } from '../../helpers/store.ts';
import {
  NOW,
  asDead,
  asDelivered,
  asRetry,
  claim,
  claimOne,
  drain,
  failAll,
  registered,
  stateOf,
  waiting,
  webhook,
  type OpenStore,
} from './steps.ts';

const LATER = NOW + 1_000;

export function replaying(open: OpenStore): void {
  async function count(store: Store, filter: ReplayFilter = {}, diedBefore = NOW): Promise<number> {
    let [total, after]: [number, string | null] = [0, null];
    do {
      const { matched, cursor } = await store.replays.count(filter, { diedBefore, after });
      total += matched;
      after = cursor;
    } while (after !== null);
    return total;
  }

  async function make(store: Store, filter: ReplayFilter = {}, createdAt = NOW): Promise<Replay> {
    const total = await count(store, filter, createdAt);
    return store.replays.insert({ id: uuidv7(), filter, createdAt, createdBy: 'ops', total });
  }

  /** Steps until it is done; each step that cannot go on is an error. */
  async function run(store: Store, { id }: Replay, limit = 3): Promise<Replay> {
    for (let steps = 0; steps < 1_000; steps += 1) {
      const step = await store.replays.step(id, { now: LATER, limit });
      if (step === undefined) throw new Error('it does not run');
      if (step.waiting) throw new Error('it waits');
      if (step.replay.state !== 'running') return step.replay;
    }
    throw new Error('it has no end');
  }

  async function deadTasks(store: Store, agent: Agent, n: number, failure = {}): Promise<string[]> {
    for (let i = 0; i < n; i += 1) await waiting(store, agent, { name: `t${i}`, dueAt: 0 });
    return failAll(store, failure);
  }

  it('sends every dead letter again, in steps, each once', async () => {
    const { store } = await open();
    const dead = await deadTasks(store, await registered(store), 10);
    const replay = await make(store);
    expect(replay).toEqual({
      id: replay.id,
      state: 'running',
      filter: {},
      createdAt: NOW,
      createdBy: 'ops',
      finishedAt: null,
      total: 10,
      replayed: 0,
      skipped: 0,
    });
    const first = await store.replays.step(replay.id, { now: LATER, limit: 3 });
    expect(first).toMatchObject({ waiting: false, replay: { state: 'running', replayed: 3 } });
    expect(await run(store, replay)).toMatchObject({
      state: 'done',
      total: 10,
      replayed: 10,
      skipped: 0,
      finishedAt: LATER,
    });
    const { deliveries } = await claim(store, { now: LATER });
    expect(deliveries.map(({ id }) => id).sort()).toEqual(dead.sort());
    expect(await store.replays.step(replay.id, { now: LATER, limit: 3 })).toBeUndefined();
  });

  it('goes on after a restart where it was', async () => {
    const { store, reopen } = await open();
    const dead = await deadTasks(store, await registered(store), 10);
    const replay = await make(store);
    await store.replays.step(replay.id, { now: LATER, limit: 4 });
    const again = await reopen();
    expect(await again.replays.listRunning()).toMatchObject([{ id: replay.id, replayed: 4 }]);
    expect(await run(again, replay)).toMatchObject({ replayed: 10 });
    expect(await again.replays.listRunning()).toEqual([]);
    expect((await claim(again, { now: LATER })).deliveries).toHaveLength(dead.length);
  });

  it('leaves what dies later, and what it sent and died again', async () => {
    const { store } = await open();
    const agent = await registered(store);
    await deadTasks(store, agent, 4);
    const replay = await make(store);
    const late = await waiting(store, agent, { dueAt: 0 });
    await store.outbox.complete({ ...asDead(await claimOne(store)), finishedAt: LATER });
    await store.replays.step(replay.id, { now: LATER, limit: 2 });
    await failAll(store, {}, LATER);
    expect(await run(store, replay, 1)).toMatchObject({ total: 4, replayed: 4 });
    expect(await stateOf(store, late)).toBe('dead');
    expect((await claim(store, { now: LATER })).deliveries).toHaveLength(2);
  });

  it('leaves what was accepted before and dies later', async () => {
    const { store } = await open();
    const agent = await registered(store);
    const early = await waiting(store, agent, { name: 'early', dueAt: 50_000 });
    await deadTasks(store, agent, 2);
    const replay = await make(store);
    const held = await claimOne(store, { now: 50_000 });
    await store.outbox.complete({ ...asDead(held), finishedAt: LATER });
    expect(await run(store, replay)).toMatchObject({ replayed: 2 });
    expect(await stateOf(store, early)).toBe('dead');
  });

  describe('by a filter', () => {
    it.each<[string, (agent: Agent) => ReplayFilter, string[]]>([
      ['of a kind', () => ({ kind: 'webhook' }), ['hello']],
      ['of an agent', ({ agentId }) => ({ agentId }), ['t0', 'hello']],
      ['of an error class', () => ({ errorClass: 'timeout' }), ['late']],
      ['of a time', () => ({ since: 5_000, until: 6_000 }), ['late']],
      ['of none', () => ({ kind: 'state_report' }), []],
      [
        'of several',
        ({ agentId }) => ({ agentId, kind: 'task', errorClass: 'http_status' }),
        ['t0'],
      ],
    ])('takes those %s', async (_what, filter, names) => {
      const { store } = await open();
      const [agent, other] = [await registered(store), await registered(store)];
      await deadTasks(store, agent, 1);
      await webhook(store, agent, 'hello');
      await failAll(store);
      await waiting(store, other, { name: 'late', createdAt: 5_000, dueAt: 0 });
      await failAll(store, { statusCode: null, errorClass: 'timeout' });
      const replay = await make(store, filter(agent));
      expect(replay).toMatchObject({ filter: filter(agent), total: names.length });
      expect(await run(store, replay)).toMatchObject({ replayed: names.length });
      expect((await drain(store, LATER)).sort()).toEqual(names.sort());
      expect(await store.replays.get(replay.id)).toMatchObject({ filter: filter(agent) });
    });
  });

  it('passes over what nobody would take, and what comes too late', async () => {
    const { store } = await open();
    const [gone, there] = [await registered(store), await registered(store)];
    const [lost = ''] = await deadTasks(store, gone, 1);
    const hello = await webhook(store, there, 'REGISTER');
    await failAll(store);
    await webhook(store, there, 'REGISTER again');
    await drain(store);
    const kept = await deadTasks(store, there, 2);
    await store.agents.remove(gone.agentId, removal(NOW));
    const replay = await make(store);
    expect(await run(store, replay)).toMatchObject({ total: 4, replayed: 2, skipped: 2 });
    expect(await stateOf(store, { id: lost })).toBe('dead');
    expect(await stateOf(store, hello)).toBe('dead');
    expect((await claim(store, { now: LATER })).deliveries.map(({ id }) => id).sort()).toEqual(
      kept.sort(),
    );
  });

  it('keeps the order of each lane', async () => {
    const { store } = await open();
    const agent = await registered(store);
    for (const name of ['first', 'second', 'third']) await webhook(store, agent, name);
    await failAll(store);
    await webhook(store, agent, 'fourth');
    await run(store, await make(store), 1);
    expect(await drain(store, LATER)).toEqual(['first', 'second', 'third', 'fourth']);
  });

  it('waits for a later one that is being sent, and goes on with the others meanwhile', async () => {
    const { store } = await open();
    const [agent, other] = [await registered(store), await registered(store)];
    const first = await webhook(store, agent, 'first');
    await failAll(store);
    const tasks = await deadTasks(store, other, 2);
    await webhook(store, agent, 'second');
    const held = await claimOne(store);
    const replay = await make(store);
    const step = await store.replays.step(replay.id, { now: LATER, limit: 10 });
    expect(step).toMatchObject({
      waiting: false,
      replay: { state: 'running', replayed: 2, skipped: 0 },
    });
    expect(await store.replays.step(replay.id, { now: LATER, limit: 10 })).toMatchObject({
      waiting: true,
    });
    expect(await stateOf(store, first)).toBe('dead');
    await store.outbox.complete(asRetry(held, NOW));
    expect(await run(store, replay)).toMatchObject({ state: 'done', replayed: 3 });
    expect(tasks).toHaveLength(2);
    expect((await drain(store, LATER)).filter((name) => !name.startsWith('t'))).toEqual([
      'first',
      'second',
    ]);
  });

  it('counts what it passes over once, also where it had to wait', async () => {
    const { store } = await open();
    const [agent, gone] = [await registered(store), await registered(store)];
    await webhook(store, agent, 'first');
    await failAll(store);
    await deadTasks(store, gone, 3);
    await store.agents.remove(gone.agentId, removal(NOW));
    await webhook(store, agent, 'second');
    const held = await claimOne(store);
    const replay = await make(store);
    for (let i = 0; i < 3; i += 1) await store.replays.step(replay.id, { now: LATER, limit: 10 });
    await store.outbox.complete(asDelivered(held));
    expect(await run(store, replay)).toMatchObject({ total: 4, replayed: 0, skipped: 4 });
  });

  it('stops when it is cancelled; what was sent stays sent', async () => {
    const { store } = await open();
    await deadTasks(store, await registered(store), 5);
    const replay = await make(store);
    await store.replays.step(replay.id, { now: LATER, limit: 2 });
    expect(await store.replays.cancel(replay.id, LATER)).toBe('cancelled');
    expect(await store.replays.cancel(replay.id, LATER + 1)).toBe('cancelled');
    expect(await store.replays.step(replay.id, { now: LATER, limit: 2 })).toBeUndefined();
    expect(await store.replays.get(replay.id)).toMatchObject({
      state: 'cancelled',
      replayed: 2,
      finishedAt: LATER,
    });
    expect((await claim(store, { now: LATER })).deliveries).toHaveLength(2);
  });

  it('cannot be cancelled once it is done; nor what is not there', async () => {
    const { store } = await open();
    const replay = await make(store);
    expect(await run(store, replay)).toMatchObject({ total: 0, state: 'done' });
    expect(await store.replays.cancel(replay.id, LATER)).toBe('finished');
    expect(await store.replays.cancel('nothing', LATER)).toBe('not_found');
    expect(await store.replays.step('nothing', { now: LATER, limit: 1 })).toBeUndefined();
    expect(await store.replays.get('nothing')).toBeUndefined();
  });

  it('steps that happen at once take none twice', async () => {
    const { store } = await open();
    await deadTasks(store, await registered(store), 30);
    const replay = await make(store);
    await Promise.all(
      Array.from({ length: 8 }, () => store.replays.step(replay.id, { now: LATER, limit: 3 })),
    );
    expect(await run(store, replay)).toMatchObject({ replayed: 30, skipped: 0 });
    expect((await claim(store, { now: LATER })).deliveries).toHaveLength(30);
  });

  it('are listed, the newest first, and those that ended long ago deleted', async () => {
    const { store } = await open();
    const made: string[] = [];
    for (let i = 0; i < 5; i += 1) made.push((await make(store)).id);
    const page = await store.replays.list({ limit: 3, before: null });
    expect(page.items.map(({ id }) => id)).toEqual(made.slice(2).reverse());
    const rest = await store.replays.list({ limit: 3, before: page.next });
    expect(rest.items.map(({ id }) => id)).toEqual(made.slice(0, 2).reverse());
    expect(rest.next).toBeNull();
    expect((await store.replays.listRunning()).map(({ id }) => id)).toEqual(made);
    for (const id of made.slice(0, 3)) await store.replays.cancel(id, LATER);
    expect(await store.replays.prune(LATER + 1, 2)).toBe(2);
    expect(await store.replays.prune(LATER + 1, 2)).toBe(1);
    expect((await store.replays.list({ limit: 9, before: null })).items).toHaveLength(2);
  });
}
