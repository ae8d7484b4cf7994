import { expect, it } from 'vitest';
import type { DeliveryFilter } from '../../../src/store/delivery-store.ts';
import type { Agent, Store } from '../../../src/store/store.ts';
import { aDelivery, anAttempt } from '../../helpers/records.ts';
import { removal } from '../../helpers/store.ts';
import {
  NOW,
  asDead,
  asDelivered,
  asRetry,
  claim,
  claimOne,
  pagesOf,
  registered,
  waiting,
  webhook,
  type OpenStore,
} from './steps.ts';

const MINUTE = 60_000;

export function listingDeliveries(open: OpenStore): void {
  const names = async (store: Store, filter: DeliveryFilter = {}) => {
    const pages = await pagesOf((before) =>
      store.deliveries.list(filter, { limit: 1_000, before }),
    );
    return pages.flat().map(({ name }) => name);
  };

  /** Two agents with deliveries of every kind in every state; `told` is their names, the last first. */
  async function world() {
    const { store } = await open();
    const [one, two] = [await registered(store), await registered(store)];
    const end = async (
      name: string,
      agent: Agent,
      how: (held: Awaited<ReturnType<typeof claimOne>>) => unknown,
    ) => {
      await waiting(store, agent, { name, dueAt: 0 });
      await (how(await claimOne(store)) as Promise<unknown>);
    };
    const complete = store.outbox.complete.bind(store.outbox);
    await end('delivered-1', one, (held) =>
      complete({ ...asDelivered(held), attempt: anAttempt() }),
    );
    await end('refused-1', one, (held) => complete(asDead(held)));
    await end('refused-2', two, (held) => complete(asDead(held)));
    await end('late-2', two, (held) =>
      complete(asDead(held, { statusCode: null, errorClass: 'timeout' })),
    );
    await end('retried-1', one, (held) => {
      const attempt = anAttempt({ outcome: 'retry', statusCode: null, errorClass: 'timeout' });
      return complete({ ...asRetry(held, 50_000), attempt, lastError: 'unreachable' });
    });
    await end('cancelled-2', two, (held) => store.tasks.cancel(held.id, NOW));
    await webhook(store, one, 'webhook-1', { dueAt: 50_000 });
    await waiting(store, two, { name: 'waiting-2', dueAt: 50_000 });
    const told = [
      'waiting-2',
      'webhook-1',
      'cancelled-2',
      'retried-1',
      'late-2',
      'refused-2',
      'refused-1',
      'delivered-1',
    ];
    return { store, one, two, told };
  }

  it('tells of all, the last accepted first', async () => {
    const { store, told } = await world();
    expect(await names(store)).toEqual(told);
  });

  it('goes on from page to page', async () => {
    const { store, told } = await world();
    const pages = await pagesOf((before) => store.deliveries.list({}, { limit: 3, before }));
    expect(pages.map((page) => page.map(({ name }) => name))).toEqual([
      told.slice(0, 3),
      told.slice(3, 6),
      told.slice(6),
    ]);
  });

  it.each<[string, (world: { one: Agent; two: Agent }) => DeliveryFilter, string[]]>([
    ['a kind', () => ({ kind: 'webhook' }), ['webhook-1']],
    ['a kind of which there is none', () => ({ kind: 'state_report' }), []],
    [
      'tasks',
      () => ({ kind: 'task' }),
      ['waiting-2', 'cancelled-2', 'retried-1', 'late-2', 'refused-2', 'refused-1', 'delivered-1'],
    ],
    ['what is scheduled', () => ({ state: 'scheduled' }), ['waiting-2', 'webhook-1', 'retried-1']],
    ['what was delivered', () => ({ state: 'delivered' }), ['delivered-1']],
    ['dead letters', () => ({ state: 'dead' }), ['late-2', 'refused-2', 'refused-1']],
    ['what was cancelled', () => ({ state: 'cancelled' }), ['cancelled-2']],
    [
      'an agent',
      ({ one }) => ({ agentId: one.agentId }),
      ['webhook-1', 'retried-1', 'refused-1', 'delivered-1'],
    ],
    ['nobody', () => ({ agentId: 'nobody' }), []],
    ['an error class, waiting or dead', () => ({ errorClass: 'timeout' }), ['retried-1', 'late-2']],
    ['another', () => ({ errorClass: 'http_status' }), ['refused-2', 'refused-1']],
    [
      'dead letters of an agent',
      ({ two }) => ({ state: 'dead', agentId: two.agentId }),
      ['late-2', 'refused-2'],
    ],
    ['what an agent cancelled', ({ one }) => ({ state: 'cancelled', agentId: one.agentId }), []],
    [
      'an agent and a kind',
      ({ one }) => ({ agentId: one.agentId, kind: 'webhook' }),
      ['webhook-1'],
    ],
    [
      'what waits for an agent',
      ({ one }) => ({ agentId: one.agentId, state: 'scheduled' }),
      ['webhook-1', 'retried-1'],
    ],
    [
      'tasks that wait for it',
      ({ one }) => ({ agentId: one.agentId, state: 'scheduled', kind: 'task' }),
      ['retried-1'],
    ],
    ['dead letters of a class', () => ({ state: 'dead', errorClass: 'timeout' }), ['late-2']],
    [
      'scheduled ones of a class',
      () => ({ state: 'scheduled', errorClass: 'timeout' }),
      ['retried-1'],
    ],
    [
      'dead letters of an agent, of a class',
      ({ two }) => ({ state: 'dead', agentId: two.agentId, errorClass: 'http_status' }),
      ['refused-2'],
    ],
    [
      'an agent and a class',
      ({ one }) => ({ agentId: one.agentId, errorClass: 'timeout' }),
      ['retried-1'],
    ],
    ['dead webhooks', () => ({ state: 'dead', kind: 'webhook' }), []],
    [
      'delivered ones of a class, which have none',
      () => ({ state: 'delivered', errorClass: 'timeout' }),
      [],
    ],
  ])('finds %s', async (_what, filter, found) => {
    const { store, one, two } = await world();
    expect(await names(store, filter({ one, two }))).toEqual(found);
    const paged = await pagesOf((before) =>
      store.deliveries.list(filter({ one, two }), { limit: 1, before }),
    );
    expect(paged.flat().map(({ name }) => name)).toEqual(found);
  });

  it('finds what was accepted within a time, its start included', async () => {
    const { store } = await open();
    const agent = await registered(store);
    for (let minute = 0; minute < 30; minute += 1) {
      await waiting(store, agent, { name: `m${minute}`, createdAt: minute * MINUTE });
    }
    const within = { since: 10 * MINUTE, until: 13 * MINUTE };
    expect(await names(store, within)).toEqual(['m12', 'm11', 'm10']);
    expect(await names(store, { since: 28 * MINUTE + 1 })).toEqual(['m29']);
    expect(await names(store, { until: MINUTE })).toEqual(['m0']);
    expect(await names(store, { since: 40 * MINUTE })).toEqual([]);
    expect(await names(store, { ...within, agentId: agent.agentId, kind: 'task' })).toHaveLength(3);
    expect(await names(store, { ...within, state: 'scheduled' })).toHaveLength(3);
    expect(await names(store, { ...within, state: 'dead' })).toEqual([]);
  });

  it('finds what was accepted within a time although the order of a moment is mixed up, and much is gone', async () => {
    const { store } = await open();
    const agent = await registered(store);
    const times = [0, 5, 4, 6, 9, 7, 8, 200, 199, 201].map((seconds) => seconds * 1_000);
    for (const [index, createdAt] of times.entries()) {
      await waiting(store, agent, { name: `n${index}`, createdAt, dueAt: 0 });
    }
    for (const held of (await claim(store, { limit: 3 })).deliveries) {
      await store.outbox.complete({ ...asDelivered(held), finishedAt: 10 });
    }
    await store.outbox.prune({ finishedBefore: 1_000_000, deadBefore: 0, limit: 100, cursor: 0 });
    expect(await names(store, { since: 7_000, until: 199_500 })).toEqual(['n8', 'n6', 'n5', 'n4']);
  });

  it('tells of a delivery what keeps it, with its attempts', async () => {
    const { store } = await open();
    const agent = await registered(store);
    const first = await webhook(store, agent, 'first');
    const second = await webhook(store, agent, 'second', { body: Buffer.from('12345') });
    const held = await claimOne(store);
    const attempt = anAttempt({
      outcome: 'retry',
      statusCode: null,
      errorClass: 'dns',
      connectedMs: null,
      answeredMs: null,
    });
    await store.outbox.complete({ ...asRetry(held, 9_000), attempt, lastError: 'unreachable' });
    expect(await store.deliveries.get(first.id)).toEqual({
      record: {
        id: first.id,
        kind: 'webhook',
        agentId: agent.agentId,
        name: 'first',
        state: 'scheduled',
        attemptCount: 1,
        createdAt: 1_000,
        finishedAt: null,
        nextAttemptAt: 9_000,
        lastError: 'unreachable',
        errorClass: 'dns',
      },
      attempts: [attempt],
      bytes: first.body.byteLength,
      traceparent: null,
      behind: null,
    });
    expect(await store.deliveries.get(second.id)).toMatchObject({ bytes: 5, behind: first.id });
    const task = aDelivery(agent.agentId, { traceparent: '00-1-2-03' });
    await waiting(store, agent, task);
    expect(await store.deliveries.get(task.id)).toMatchObject({
      behind: null,
      traceparent: '00-1-2-03',
    });
    expect(await store.deliveries.get('nothing')).toBeUndefined();
  });

  it('says of what ended without an attempt why', async () => {
    const { store } = await open();
    const agent = await registered(store);
    await waiting(store, agent, { name: 'left' });
    await store.agents.remove(agent.agentId, removal(NOW));
    expect(
      (
        await store.deliveries.list(
          { errorClass: 'agent_deregistered' },
          { limit: 10, before: null },
        )
      ).items,
    ).toMatchObject([
      {
        name: 'left',
        state: 'cancelled',
        lastError: 'agent_deregistered',
        errorClass: 'agent_deregistered',
      },
    ]);
    const other = await registered(store);
    await waiting(store, other, { name: 'snoozed', dueAt: 0 });
    await store.outbox.complete({
      ...asRetry(await claimOne(store), 9_000),
      lastError: 'not_configured',
    });
    expect(await names(store, { errorClass: 'not_configured' })).toEqual(['snoozed']);
  });

  it('has no error class once it is delivered', async () => {
    const { store } = await open();
    const agent = await registered(store);
    const task = await waiting(store, agent);
    const attempt = anAttempt({ outcome: 'retry', statusCode: 503, errorClass: 'http_status' });
    await store.outbox.complete({
      ...asRetry(await claimOne(store), 5_000),
      attempt,
      lastError: 'http_503',
    });
    expect(await names(store, { errorClass: 'http_status' })).toEqual(['t']);
    const again = await claimOne(store, { now: 5_000 });
    await store.outbox.complete({ ...asDelivered(again), attempt: anAttempt({ number: 2 }) });
    expect(await names(store, { errorClass: 'http_status' })).toEqual([]);
    expect((await store.deliveries.get(task.id))?.record).toMatchObject({
      errorClass: null,
      lastError: null,
    });
  });
}
