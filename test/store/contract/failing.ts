import { expect, it } from 'vitest';
import {
  asDead,
  asDelivered,
  asRetry,
  claimOne,
  failAll,
  NOW,
  registered,
  waiting,
  webhook,
  type OpenStore,
} from './steps.ts';

const LATER = NOW + 60_000;

/** One that failed and is tried again later. */
function asFailing(holding: Parameters<typeof asDead>[0], statusCode = 503) {
  const { attempt, lastError } = asDead(holding, { statusCode });
  return { ...asRetry(holding, LATER), attempt, lastError };
}

export function failing(open: OpenStore): void {
  it('is nothing where nothing failed', async () => {
    const { store } = await open();
    const agent = await registered(store);
    await waiting(store, agent);
    expect(await store.deliveries.failing(10)).toEqual([]);
  });

  it('puts together what failed alike, the most first, and since when', async () => {
    const { store } = await open();
    const agent = await registered(store);
    await webhook(store, agent, 'REGISTER', { createdAt: 900 });
    await failAll(store, { statusCode: null, errorClass: 'connection_refused' });
    for (const createdAt of [700, 500, 600]) await waiting(store, agent, { createdAt });
    await failAll(store);
    for (const createdAt of [800, 850]) {
      await waiting(store, agent, { createdAt });
      await store.outbox.complete(asFailing(await claimOne(store), 500));
    }
    expect(await store.deliveries.failing(10)).toEqual([
      {
        kind: 'task',
        state: 'dead',
        errorClass: 'http_status',
        lastError: 'http_503',
        count: { count: 3, more: false },
        oldestAt: 500,
      },
      {
        kind: 'task',
        state: 'scheduled',
        errorClass: 'http_status',
        lastError: 'http_500',
        count: { count: 2, more: false },
        oldestAt: 800,
      },
      {
        kind: 'webhook',
        state: 'dead',
        errorClass: 'connection_refused',
        lastError: 'unreachable',
        count: { count: 1, more: false },
        oldestAt: 900,
      },
    ]);
  });

  it('has nothing of what was delivered or cancelled since', async () => {
    const { store } = await open();
    const agent = await registered(store);
    await waiting(store, agent);
    await store.outbox.complete(asFailing(await claimOne(store)));
    await store.outbox.complete(asDelivered(await claimOne(store, { now: LATER })));
    const cancelled = await waiting(store, agent);
    await store.outbox.complete(asFailing(await claimOne(store)));
    await store.tasks.cancel(cancelled.id, NOW);
    expect(await store.deliveries.failing(10)).toEqual([]);
  });

  it('looks at so many of each class, and says where there are more', async () => {
    const { store } = await open();
    const agent = await registered(store);
    for (let i = 0; i < 4; i += 1) await waiting(store, agent);
    await failAll(store);
    await webhook(store, agent, 'REGISTER');
    await failAll(store, { statusCode: null, errorClass: 'dns' });
    expect(await store.deliveries.failing(3)).toMatchObject([
      { errorClass: 'http_status', count: { count: 3, more: true } },
      { errorClass: 'dns', count: { count: 1, more: false } },
    ]);
    const [most] = await store.deliveries.failing(5);
    expect(most?.count).toEqual({ count: 4, more: false });
  });
}
