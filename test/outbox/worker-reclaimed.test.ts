import { stat } from 'node:fs';
import { expect, it } from 'vitest';
import { until } from '../helpers/until.ts';
import { setupWorker } from '../helpers/worker.ts';

// A worker may get a delivery again before it has let go of it: under another lease, with another epoch.

function gate() {
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open };
}

it('a delivery that is claimed again before its last attempt is known to be recorded is sent again at once', async () => {
  const recorded = gate();
  const prepared = gate();
  let preparations = 0;
  const kit = setupWorker({
    world: (delivery) => (delivery.attemptCount === 0 ? 503 : 200),
    schedule: [100, 100],
    prepare: async () => {
      preparations += 1;
      if (preparations === 2) await prepared.opened;
      return undefined;
    },
    outbox: (real) => ({
      // Committed, and its answer is late: another connection's claim overtakes it.
      complete: async (completion) => {
        const result = await real.complete(completion);
        if (completion.attempt?.number === 1) await recorded.opened;
        return result;
      },
    }),
  });
  const [id = ''] = await kit.tasks(await kit.agent(), 1);
  kit.worker.start();
  await until(async () => (await kit.task(id)).attemptCount === 1);
  // Not so late that the store seems to be away.
  kit.pass(150);
  await until(() => preparations === 2, 'it is claimed again');
  recorded.open();
  await kit.settle();
  prepared.open();
  await until(async () => (await kit.stateOf(id)) === 'delivered');
  expect(kit.started).toHaveLength(2);
});

it('a delivery whose lease ended in the worker’s hands takes up room once, and none in the end', async () => {
  const room: number[] = [];
  const kit = setupWorker({
    outbox: (real) => ({
      claim: (request) => {
        room.push(request.maxBytes);
        return real.claim(request);
      },
    }),
  });
  const [id = ''] = await kit.tasks(await kit.agent(), 1, { body: Buffer.alloc(1_000) });
  kit.worker.start();
  await until(() => kit.started.length === 1);
  // The process was stopped for longer than its leases last: nobody else was there to take them.
  kit.pass(60_000);
  await until(() => kit.started.length === 2);
  kit.answer(id);
  await until(async () => (await kit.stateOf(id)) === 'delivered');
  await kit.settle();
  kit.pass(60_000);
  await kit.settle();
  expect(room.at(-1)).toBe(room[0]);
});

it('a worker that was stopped past its leases records what was answered meanwhile before it claims', async () => {
  const kit = setupWorker();
  const [id = ''] = await kit.tasks(await kit.agent(), 1);
  kit.worker.start();
  await until(() => kit.started.length === 1);
  await kit.settle();
  // The process stops, longer than the worker sleeps. When it goes on there is the answer, and time has passed.
  stat('.', () => kit.answer(id));
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_200);
  kit.clock.advance(60_000);
  await until(async () => (await kit.stateOf(id)) === 'delivered');
  await kit.settle();
  expect(kit.started).toHaveLength(1);
});
