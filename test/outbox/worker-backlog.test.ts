import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { aDelivery } from '../helpers/records.ts';
import { updateAgent } from '../helpers/store.ts';
import { until } from '../helpers/until.ts';
import { setupWorker } from '../helpers/worker.ts';

// No timer fires here: whatever makes the worker go on is an event, and no work waits for the next look at the store.
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
});
afterEach(() => {
  vi.useRealTimers();
});

it('goes through the backlog of an agent without a pause', async () => {
  let nth = 0;
  const { worker, agent, tasks, started, stateOf, settle } = setupWorker({
    // Answers come one by one, as they do from a network, and not all in one turn.
    world: async () => {
      nth += 1;
      await settle(1 + (nth % 7));
      return 200;
    },
    // A database across the network takes a while to record; the next attempts do not wait for it.
    outbox: (real) => ({
      complete: async (completion) => {
        await settle(5);
        return real.complete(completion);
      },
    }),
  });
  const ids = await tasks(await agent(), 1_000);
  worker.start();
  await until(() => started.length === 1_000, 'the last attempt');
  for (const id of ids) await until(async () => (await stateOf(id)) === 'delivered');
  expect(new Set(started.map(({ id }) => id)).size).toBe(1_000);
});

it('goes through the webhooks of an agent one after the other without a pause', async () => {
  const { worker, agent, real, names, clock } = setupWorker({ world: () => 200 });
  const event = (agentId: string, name: string) =>
    aDelivery(agentId, { kind: 'webhook', name, dueAt: clock.now() });
  const owner = await agent(({ agentId }) => event(agentId, '1'));
  for (const version of ['2', '3', '4']) {
    await updateAgent(real, owner.agentId, { version }, { webhook: event(owner.agentId, version) });
  }
  worker.start();
  await until(() => names().length === 4, 'the last webhook');
  expect(names()).toEqual(['1', '2', '3', '4']);
});

it('goes on to agents that the total cap held back', async () => {
  const { worker, agent, tasks, started } = setupWorker({ maxConcurrency: 2, world: () => 200 });
  for (let i = 0; i < 50; i += 1) await tasks(await agent(), 3);
  worker.start();
  await until(() => started.length === 150, 'the last attempt');
});

it('goes on to agents for which there was no room in memory', async () => {
  const { worker, agent, tasks, started } = setupWorker({ world: () => 200 });
  for (let i = 0; i < 70; i += 1) await tasks(await agent(), 70);
  worker.start();
  await until(() => started.length === 4_900, 'the last attempt');
});

it('sends the report of a dead letter at once', async () => {
  const { worker, agent, tasks, started, clock } = setupWorker({
    world: ({ kind }) => (kind === 'task' ? 404 : 202),
    reportOf: ({ agentId }) => aDelivery(agentId, { kind: 'state_report', dueAt: clock.now() }),
  });
  await tasks(await agent(), 1);
  worker.start();
  await until(() => started.length === 2, 'the report');
  expect(started[1]?.kind).toBe('state_report');
});

describe('a claim', () => {
  function countingClaims(setup: Parameters<typeof setupWorker>[0] = {}) {
    let claims = 0;
    const kit = setupWorker({
      ...setup,
      outbox: (real) => ({
        claim: (request) => {
          claims += 1;
          return real.claim(request);
        },
      }),
    });
    return { ...kit, claims: () => claims };
  }

  it('is not made for each task that goes to disk while enough is held', async () => {
    const { worker, agent, tasks, settle, inFlight, claims, answer } = countingClaims({
      agentConcurrency: 4,
    });
    const owner = await agent();
    await tasks(owner, 100);
    worker.start();
    await until(() => inFlight().length === 4);
    await settle();
    const before = claims();
    for (let n = 0; n < 100; n += 1) worker.noteBacklog(`task:${owner.agentId}`);
    await settle();
    expect(claims()).toBe(before);
    // 32 are held besides; when half of them are sent the next are fetched.
    for (let n = 0; n < 15; n += 1) {
      answer(inFlight()[0] ?? '');
      await settle();
    }
    expect(claims()).toBe(before);
    answer(inFlight()[0] ?? '');
    await until(() => claims() === before + 1, 'the next claim');
  });

  it('is made once and a little later for all tasks of lanes that are held', async () => {
    const { worker, settle, claims } = countingClaims();
    worker.start();
    await until(() => claims() === 1, 'the first look');
    await settle();
    for (let n = 0; n < 100; n += 1) worker.noteHeld();
    vi.advanceTimersByTime(49);
    await settle();
    expect(claims()).toBe(1);
    vi.advanceTimersByTime(1);
    await until(() => claims() === 2, 'the look');
    await settle();
    expect(claims()).toBe(2);
  });
});
