import { expect, it } from 'vitest';
import { v7 as uuidv7 } from 'uuid';
import type { DeliveryRecord, Store } from '../../../src/store/store.ts';
import { anAttempt } from '../../helpers/records.ts';
import { asRetry, asDelivered, claim, registered, webhook, type OpenStore } from './steps.ts';

const WEBHOOKS = 12;

/**
 * Workers, operators and a replay at the webhooks of one agent at once, on one store or on replicas of it: two are never
 * in flight, and nothing is delivered after what was accepted later.
 */
export async function mendAtOnce(stores: readonly Store[], now: () => number): Promise<void> {
  const [first] = stores;
  if (first === undefined) throw new Error('a store is needed');
  const agent = await registered(first, { registeredAt: now() });
  const ids: string[] = [];
  for (let n = 0; n < WEBHOOKS; n += 1) {
    ids.push((await webhook(first, agent, String(n), { createdAt: now(), dueAt: 0 })).id);
  }
  const state = { over: false };
  let inFlight = 0;
  const delivered: number[] = [];

  const work = async (store: Store) => {
    while (!state.over) {
      for (const held of (
        await claim(store, { now: now(), lease: { owner: 'w', until: now() + 60_000 } })
      ).deliveries) {
        inFlight += 1;
        expect(inFlight).toBe(1);
        // An attempt takes its time: the others are at work meanwhile.
        await new Promise((resolve) => setTimeout(resolve, 10));
        const dice = Math.random();
        if (dice < 0.15) delivered.push(Number(held.name));
        inFlight -= 1;
        const attempt = anAttempt({ number: held.attemptCount + 1 });
        await store.outbox.complete(
          dice < 0.15
            ? { ...asDelivered(held), attempt }
            : dice < 0.4
              ? { ...asRetry(held, now()), attempt: { ...attempt, outcome: 'retry' } }
              : {
                  ...asDelivered(held),
                  attempt: { ...attempt, outcome: 'failed' },
                  state: 'dead',
                  finishedAt: now(),
                },
        );
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  const mend = async (store: Store) => {
    while (!state.over) {
      const id = ids[Math.floor(Math.random() * ids.length)] ?? '';
      if (Math.random() < 0.1) await store.deliveries.cancel(id, now());
      else await store.deliveries.retry(id, { now: now(), force: false });
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  const replay = async (store: Store) => {
    while (!state.over) {
      const made = { id: uuidv7(), filter: {}, createdAt: now(), createdBy: null, total: 0 };
      const { id } = await store.replays.insert(made);
      for (let steps = 0; steps < 3; steps += 1) {
        await store.replays.step(id, { now: now(), limit: 5 });
      }
      await store.replays.cancel(id, now());
    }
  };
  const watch = async () => {
    for (let looks = 0; looks < 400 && !state.over; looks += 1) {
      const last = await first.deliveries.get(ids.at(-1) ?? '');
      if (last?.record.state === 'delivered') break;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    state.over = true;
  };
  await Promise.all([
    watch(),
    ...stores.flatMap((store) => [
      work(store),
      work(store),
      mend(store),
      mend(store),
      replay(store),
    ]),
  ]);
  expect(delivered.length).toBeGreaterThan(0);
  expect(delivered).toEqual(delivered.toSorted((a, b) => a - b));
  expect(new Set(delivered).size).toBe(delivered.length);
  // What is listed as dead, cancelled or scheduled is what is so.
  const all = await Promise.all(ids.map(async (id) => (await first.deliveries.get(id))?.record));
  for (const one of ['dead', 'cancelled', 'scheduled', 'delivered'] as const) {
    const { items } = await first.deliveries.list(
      { kind: 'webhook', state: one },
      { limit: 100, before: null },
    );
    const names = (records: readonly (DeliveryRecord | undefined)[]) =>
      records.map((record) => record?.name).sort();
    expect(names(items)).toEqual(names(all.filter((record) => record?.state === one)));
  }
}

export function mending(open: OpenStore): void {
  it('webhooks while they are sent: two are never in flight, and none comes after a later one', async () => {
    const { store } = await open();
    let time = 10_000;
    await mendAtOnce([store], () => (time += 1));
  });
}
