import { describe, expect, it } from 'vitest';
import { StoreUnavailableError } from '../../src/store/store.ts';
import { settle, until } from '../helpers/until.ts';
import { setupWorker } from '../helpers/worker.ts';

const AWAY = 'the store is not available: no attempt starts until it is';
const BACK = 'the store is available again';

const refuse = () => Promise.reject(new StoreUnavailableError('disk full'));

describe('while the store takes no results', () => {
  it('no attempt starts, and afterwards each was made once', async () => {
    let away = false;
    const { agent, worker, tasks, started, inFlight, answer, stateOf } = setupWorker({
      agentConcurrency: 2,
      outbox: (real) => ({
        complete: (completion) => (away ? refuse() : real.complete(completion)),
      }),
    });
    const ids = await tasks(await agent(), 20);
    worker.start();
    await until(() => inFlight().length === 2);
    away = true;
    for (const id of inFlight()) answer(id);
    await until(() => inFlight().length === 0 || started.length > 4);
    await settle(200);
    // What was in flight together with the first whose result was refused.
    const made = started.length;
    expect(made).toBeLessThanOrEqual(4);
    for (const id of inFlight()) answer(id);
    await new Promise((resolve) => setTimeout(resolve, 700));
    expect(started).toHaveLength(made);
    away = false;
    const answering = setInterval(() => inFlight().forEach((id) => answer(id)), 1);
    for (const id of ids) await until(async () => (await stateOf(id)) === 'delivered');
    clearInterval(answering);
    expect(started).toHaveLength(20);
  });

  it('it is told once that it is away, and once that it is back', async () => {
    let away = true;
    const { agent, worker, tasks, lines, stateOf } = setupWorker({
      world: () => 200,
      outbox: (real) => ({
        complete: (completion) => (away ? refuse() : real.complete(completion)),
      }),
    });
    const ids = await tasks(await agent(), 16);
    worker.start();
    await until(() => lines.some(({ msg }) => msg === AWAY));
    await new Promise((resolve) => setTimeout(resolve, 300));
    away = false;
    for (const id of ids) await until(async () => (await stateOf(id)) === 'delivered');
    await until(() => lines.some(({ msg }) => msg === BACK));
    const levels = lines
      .filter(({ msg }) => msg !== 'attempt')
      .map(({ msg, level }) => [msg, level]);
    expect(levels).toEqual([
      [AWAY, 50],
      [BACK, 30],
    ]);
    expect(lines.find(({ msg }) => msg === AWAY)).toMatchObject({ err: { message: 'disk full' } });
  });
});

describe('while the store does not answer', () => {
  it('no attempt starts once a result is on its way for longer than it should be', async () => {
    let away = false;
    let back: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => (back = resolve));
    const { agent, worker, tasks, started, inFlight, answer, clock, stateOf } = setupWorker({
      agentConcurrency: 1,
      outbox: (real) => ({
        complete: async (completion) => {
          if (away) await gate;
          return real.complete(completion);
        },
      }),
    });
    const [first = '', second = '', third = ''] = await tasks(await agent(), 3);
    worker.start();
    await until(() => inFlight().includes(first));
    away = true;
    answer(first);
    await until(() => inFlight().includes(second));
    clock.advance(251);
    answer(second);
    await settle(200);
    expect(started.map(({ id }) => id)).toEqual([first, second]);
    back();
    await until(() => inFlight().includes(third));
    answer(third);
    await until(async () => (await stateOf(third)) === 'delivered');
    expect(started).toHaveLength(3);
  });
});

describe('while the store does not tell where a delivery goes', () => {
  it('it is kept, and sent as soon as the store does, long before its lease ends', async () => {
    let away = true;
    const { agent, worker, tasks, started, lines, stateOf } = setupWorker({
      world: () => 200,
      prepare: async () => (away ? refuse() : undefined),
    });
    const ids = await tasks(await agent(), 3);
    worker.start();
    await until(() => lines.some(({ msg }) => msg === AWAY));
    await new Promise((resolve) => setTimeout(resolve, 600));
    away = false;
    for (const id of ids) await until(async () => (await stateOf(id)) === 'delivered');
    expect(started).toHaveLength(3);
    expect(started.map(({ epoch }) => epoch)).toEqual([1, 1, 1]);
    expect(lines.filter(({ msg }) => msg === 'an attempt failed inside')).toEqual([]);
  });

  it('one that is cancelled meanwhile is not sent', async () => {
    let away = true;
    const { agent, worker, tasks, real, clock, started, lines, stateOf } = setupWorker({
      world: () => 200,
      prepare: async () => (away ? refuse() : undefined),
    });
    const [first = '', second = ''] = await tasks(await agent(), 2);
    worker.start();
    await until(() => lines.some(({ msg }) => msg === AWAY));
    await real.tasks.cancel(first, clock.now());
    worker.drop(first);
    away = false;
    await until(async () => (await stateOf(second)) === 'delivered');
    expect(started.map(({ id }) => id)).toEqual([second]);
  });
});
