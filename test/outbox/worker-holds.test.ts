import { describe, expect, it } from 'vitest';
import type { WorkerDeps } from '../../src/outbox/worker.ts';
import { aDelivery } from '../helpers/records.ts';
import { claimAt, updateAgent } from '../helpers/store.ts';
import { until } from '../helpers/until.ts';
import { PROBE_MS, setupWorker } from '../helpers/worker.ts';

describe('the tasks of an agent whose lane is held', () => {
  it('wait; one of them is sent as a probe per interval, and all at once when the hold ends', async () => {
    const kit = setupWorker({ world: () => 200 });
    const agent = await kit.agent();
    await updateAgent(kit.real, agent.agentId, {}, { holdUntil: kit.clock.now() + PROBE_MS });
    const ids = await kit.tasks(agent, 5);
    kit.worker.start();
    await kit.settle();
    expect(kit.started).toEqual([]);
    for (const probes of [1, 2]) {
      kit.pass(PROBE_MS);
      await until(() => kit.started.length === probes);
      kit.worker.wake();
      await kit.settle();
      expect(kit.started).toHaveLength(probes);
    }
    expect(kit.started.map(({ probe }) => probe)).toEqual([true, true]);
    await updateAgent(kit.real, agent.agentId, {}, { holdUntil: 0 });
    kit.worker.wake();
    for (const id of ids) await until(async () => (await kit.stateOf(id)) === 'delivered');
    expect(kit.started.slice(2).map(({ probe }) => probe)).toEqual([false, false, false]);
  });

  it('that the worker has already are given back, but for what is in flight', async () => {
    const kit = setupWorker({ agentConcurrency: 1 });
    const agent = await kit.agent();
    const ids = await kit.tasks(agent, 3);
    kit.worker.start();
    await until(() => kit.inFlight().length === 1);
    const [flying = ''] = kit.inFlight();
    const holdUntil = kit.clock.now() + PROBE_MS;
    await updateAgent(kit.real, agent.agentId, { status: 'unreachable' }, { holdUntil });
    await kit.worker.releaseLane(`task:${agent.agentId}`);
    for (const id of ids) {
      expect((await kit.task(id)).nextAttemptAt === null).toBe(id === flying);
    }
    kit.answer(flying);
    await until(async () => (await kit.stateOf(flying)) === 'delivered');
    kit.worker.wake();
    await kit.settle();
    expect(kit.started).toHaveLength(1);
    kit.pass(PROBE_MS);
    await until(() => kit.started.length === 2);
    expect(kit.started[1]).toMatchObject({ probe: true, attemptCount: 0 });
  });

  it('are nothing to give back where the worker has none', async () => {
    const kit = setupWorker();
    await expect(kit.worker.releaseLane('task:nobody')).resolves.toBeUndefined();
  });
});

describe('an attempt that does not count', () => {
  it('is recorded and uses up nothing of the schedule', async () => {
    let counts = false;
    const kit = setupWorker({
      world: () => 502,
      schedule: [1_000],
      noteDispatch: () => ({ counts }),
    });
    const [id = ''] = await kit.tasks(await kit.agent(), 1);
    kit.worker.start();
    for (let attempt = 1; attempt <= 4; attempt += 1) {
      await until(async () => (await kit.task(id)).attemptCount === attempt);
      if (attempt === 4) counts = true;
      kit.pass(PROBE_MS);
    }
    await until(async () => (await kit.task(id)).attemptCount === 5);
    expect((await kit.task(id)).state).toBe('scheduled');
    kit.pass(1_000);
    await until(async () => (await kit.stateOf(id)) === 'dead');
    const { attempts } = await kit.task(id);
    expect(attempts.map(({ number, outcome }) => `${number} ${outcome}`)).toEqual([
      '1 retry',
      '2 retry',
      '3 retry',
      '4 retry',
      '5 retry',
      '6 failed',
    ]);
  });

  it('is one that our own shutdown cut off', async () => {
    const kit = setupWorker();
    const [id = ''] = await kit.tasks(await kit.agent(), 1);
    kit.worker.start();
    await until(() => kit.inFlight().length === 1);
    await kit.worker.stop(0);
    const { deliveries } = await claimAt(kit.real, kit.clock.now());
    expect(deliveries).toMatchObject([{ id, attemptCount: 1, unburntCount: 1 }]);
  });
});

it('each dispatch is told of, with its agent and whether it was a probe; webhooks are not', async () => {
  const told: Parameters<WorkerDeps['noteDispatch']>[] = [];
  const kit = setupWorker({
    world: ({ kind }) => (kind === 'task' ? 404 : 202),
    noteDispatch: (...dispatch) => {
      told.push(dispatch);
      return { counts: true };
    },
  });
  const webhook = (agentId: string) =>
    aDelivery(agentId, { kind: 'webhook', dueAt: kit.clock.now() });
  const online = await kit.agent(({ agentId }) => webhook(agentId));
  const held = await kit.agent();
  await updateAgent(kit.real, held.agentId, {}, { holdUntil: kit.clock.now() - 1 });
  const ids = [...(await kit.tasks(online, 1)), ...(await kit.tasks(held, 1))];
  kit.worker.start();
  for (const id of ids) await until(async () => (await kit.stateOf(id)) === 'dead');
  await until(() => kit.started.length === 3);
  const byAgent = told.map(([agentId, { statusCode }, probe]) => ({ agentId, statusCode, probe }));
  expect(byAgent).toHaveLength(2);
  expect(byAgent).toContainEqual({ agentId: online.agentId, statusCode: 404, probe: false });
  expect(byAgent).toContainEqual({ agentId: held.agentId, statusCode: 404, probe: true });
});
