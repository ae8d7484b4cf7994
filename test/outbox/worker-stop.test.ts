import { describe, expect, it } from 'vitest';
import { StoreUnavailableError } from '../../src/store/store.ts';
import { until } from '../helpers/until.ts';
import { setupWorker } from '../helpers/worker.ts';

describe('a cancelled task', () => {
  it('that waits for a slot is never sent', async () => {
    const { worker, agent, tasks, real, clock, started, inFlight, answer, stateOf } = setupWorker({
      agentConcurrency: 1,
    });
    const [first = '', second = '', third = ''] = await tasks(await agent(), 3);
    worker.start();
    await until(() => inFlight().length === 1);
    expect(await real.tasks.cancel(second, clock.now())).toBe('cancelled');
    worker.drop(second);
    answer(first);
    await until(() => inFlight().includes(third));
    answer(third);
    await until(async () => (await stateOf(third)) === 'delivered');
    expect(started.map(({ id }) => id)).toEqual([first, third]);
    expect(await stateOf(second)).toBe('cancelled');
  });

  it('that is just being prepared is not sent either', async () => {
    let prepared: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      prepared = resolve;
    });
    let preparing = false;
    const { worker, agent, tasks, real, clock, started, stateOf, settle } = setupWorker({
      prepare: async () => {
        preparing = true;
        await gate;
        return undefined;
      },
    });
    const [id = ''] = await tasks(await agent(), 1);
    worker.start();
    await until(() => preparing);
    await real.tasks.cancel(id, clock.now());
    worker.drop(id);
    prepared();
    await settle();
    expect(started).toEqual([]);
    expect(await stateOf(id)).toBe('cancelled');
  });

  it('that is in flight runs out, and its attempt is recorded', async () => {
    const { worker, agent, tasks, task, real, clock, inFlight, answer } = setupWorker();
    const [id = ''] = await tasks(await agent(), 1);
    worker.start();
    await until(() => inFlight().length === 1);
    await real.tasks.cancel(id, clock.now());
    worker.drop(id);
    answer(id, { statusCode: 503 });
    await until(async () => (await task(id)).attemptCount === 1);
    expect(await task(id)).toMatchObject({
      state: 'cancelled',
      attempts: [{ statusCode: 503 }],
    });
  });

  it('that the worker does not hold is none of its business', async () => {
    const { worker, settle } = setupWorker();
    worker.drop('unknown');
    worker.start();
    worker.drop('unknown');
    await settle();
  });
});

describe('stopping', () => {
  it('gives back what has not started, waits for what is in flight, and records it', async () => {
    const { worker, agent, tasks, task, inFlight, answer, started, clock, settle } = setupWorker({
      agentConcurrency: 2,
    });
    const ids = await tasks(await agent(), 8);
    worker.start();
    await until(() => inFlight().length === 2);
    const flying = inFlight();
    let stopped = false;
    const stop = worker.stop(60_000).then(() => {
      stopped = true;
    });
    await settle();
    expect(stopped).toBe(false);
    for (const id of ids.filter((one) => !flying.includes(one))) {
      expect(await task(id)).toMatchObject({
        state: 'scheduled',
        attemptCount: 0,
        nextAttemptAt: clock.now(),
      });
    }
    for (const id of flying) answer(id);
    await stop;
    expect(started).toHaveLength(2);
    for (const id of flying) expect((await task(id)).state).toBe('delivered');
  });

  it('cuts off what outlasts the grace, and leaves it to the next start', async () => {
    const { worker, agent, tasks, task, inFlight, clock } = setupWorker();
    const [id = ''] = await tasks(await agent(), 1);
    worker.start();
    await until(() => inFlight().length === 1);
    await worker.stop(0);
    expect(await task(id)).toMatchObject({
      state: 'scheduled',
      nextAttemptAt: clock.now(),
      lastError: 'unreachable',
      attempts: [{ outcome: 'retry', errorClass: 'interrupted' }],
    });
  });

  it('claims nothing any more', async () => {
    const { worker, agent, tasks, started, settle } = setupWorker({ world: () => 200 });
    worker.start();
    await worker.stop(0);
    await tasks(await agent(), 1);
    worker.wake();
    await settle();
    expect(started).toEqual([]);
  });

  it('works before the start, too', async () => {
    const { worker } = setupWorker();
    await expect(worker.stop(0)).resolves.toBeUndefined();
  });
});

describe('a lease that has run out', () => {
  it('starts no attempt: another worker may have taken it', async () => {
    const { worker, agent, tasks, inFlight, answer, started, clock, stateOf } = setupWorker({
      agentConcurrency: 1,
    });
    const [first = '', second = ''] = await tasks(await agent(), 2);
    worker.start();
    await until(() => inFlight().length === 1);
    clock.advance(60_000);
    answer(first);
    await until(() => inFlight().includes(second));
    // It went back to the store and was claimed anew.
    expect(started[1]).toMatchObject({ id: second, epoch: 2, leaseUntil: clock.now() + 11_000 });
    answer(second);
    await until(async () => (await stateOf(second)) === 'delivered');
  });
});

describe('a store that fails', () => {
  it('loses no result: it is recorded once when the store is back', async () => {
    let failures = 1;
    const { worker, agent, tasks, task, started, stateOf } = setupWorker({
      world: () => 200,
      outbox: (real) => ({
        complete: async (completion) => {
          if (failures > 0) {
            failures -= 1;
            throw new StoreUnavailableError('disk full');
          }
          return real.complete(completion);
        },
      }),
    });
    const [id = ''] = await tasks(await agent(), 1);
    worker.start();
    await until(async () => (await stateOf(id)) === 'delivered');
    expect((await task(id)).attempts).toHaveLength(1);
    expect(started).toHaveLength(1);
  });

  it('is asked for nothing more while it refuses results: they may belong to what it would give out', async () => {
    let broken = true;
    let claims = 0;
    const { worker, agent, tasks, clock, started, lines, stateOf, settle } = setupWorker({
      world: () => 200,
      outbox: (real) => ({
        complete: (completion) =>
          broken ? Promise.reject(new Error('disk full')) : real.complete(completion),
        claim: (request) => {
          claims += 1;
          return real.claim(request);
        },
      }),
    });
    const [id = ''] = await tasks(await agent(), 1);
    worker.start();
    await until(() => lines.some(({ msg }) => msg === 'an attempt could not be recorded'));
    // The lease runs out meanwhile: a claim would take the delivery and send it again.
    clock.advance(60_000);
    claims = 0;
    worker.wake();
    await settle();
    expect(claims).toBe(0);
    broken = false;
    await until(async () => (await stateOf(id)) === 'delivered');
    expect(started).toHaveLength(1);
  });

  it('that cannot be claimed from is asked again', async () => {
    let broken = true;
    const { worker, agent, tasks, lines, stateOf } = setupWorker({
      world: () => 200,
      outbox: (real) => ({
        claim: (request) => (broken ? Promise.reject(new Error('disk full')) : real.claim(request)),
      }),
    });
    const [id = ''] = await tasks(await agent(), 1);
    worker.start();
    await until(() => lines.some(({ msg }) => msg === 'claiming deliveries failed; trying again'));
    broken = false;
    worker.wake();
    await until(async () => (await stateOf(id)) === 'delivered');
  });

  it('does not keep the process from stopping', async () => {
    const { worker, agent, tasks, inFlight, lines, answer } = setupWorker({
      outbox: () => ({
        complete: () => Promise.reject(new Error('disk full')),
        release: () => Promise.reject(new Error('disk full')),
      }),
      agentConcurrency: 1,
    });
    await tasks(await agent(), 2);
    worker.start();
    await until(() => inFlight().length === 1);
    const stop = worker.stop(60_000);
    answer(inFlight()[0] ?? '');
    await stop;
    expect(lines.map(({ msg }) => msg)).toContain(
      'leases could not be given back; they expire by themselves',
    );
  });
});
