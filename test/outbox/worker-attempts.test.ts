import { describe, expect, it } from 'vitest';
import type { StoredTask } from '../../src/store/store.ts';
import { aDelivery } from '../helpers/records.ts';
import { claimAt, removal, updateAgent } from '../helpers/store.ts';
import { until } from '../helpers/until.ts';
import { setupWorker, type World } from '../helpers/worker.ts';

/** Answers with these statuses, one after the other. */
function statuses(...list: number[]): World {
  return () => list.shift() ?? 200;
}

describe('a delivery', () => {
  it('is sent with the bytes that were stored, and recorded as delivered', async () => {
    const { worker, agent, tasks, task, started, clock, stateOf } = setupWorker({
      world: statuses(202),
    });
    const [id = ''] = await tasks(await agent(), 1, { body: '{"task_name":"ü"}' });
    worker.start();
    await until(async () => (await stateOf(id)) === 'delivered');
    expect(started.map(({ body }) => Buffer.from(body).toString())).toEqual(['{"task_name":"ü"}']);
    expect(await task(id)).toMatchObject({
      attemptCount: 1,
      finishedAt: clock.now(),
      lastError: null,
      attempts: [{ number: 1, outcome: 'delivered', statusCode: 202, errorClass: null }],
    });
  });

  it('is tried again by its schedule, and each attempt is recorded', async () => {
    const { worker, agent, tasks, task, started, clock, pass, stateOf, settle } = setupWorker({
      world: statuses(503, 429, 200),
      schedule: [1_000, 5_000],
    });
    const [id = ''] = await tasks(await agent(), 1);
    worker.start();
    await until(async () => (await task(id)).attemptCount === 1);
    expect(await task(id)).toMatchObject({
      state: 'scheduled',
      lastError: 'http_503',
      nextAttemptAt: clock.now() + 1_000,
    });
    pass(999);
    await settle();
    expect(started).toHaveLength(1);
    pass(1);
    await until(async () => (await task(id)).attemptCount === 2);
    expect((await task(id)).nextAttemptAt).toBe(clock.now() + 5_000);
    pass(5_000);
    await until(async () => (await stateOf(id)) === 'delivered');
    expect((await task(id)).attempts).toMatchObject([
      { number: 1, outcome: 'retry', statusCode: 503, errorClass: 'http_status' },
      { number: 2, outcome: 'retry', statusCode: 429, errorClass: 'http_status' },
      { number: 3, outcome: 'delivered', statusCode: 200, errorClass: null },
    ]);
    expect(started.map(({ attemptCount }) => attemptCount)).toEqual([0, 1, 2]);
    expect(new Set(started.map((one) => one.id)).size).toBe(1);
  });

  it('is dead once its schedule is exhausted', async () => {
    const { worker, agent, tasks, task, pass, stateOf, started, settle } = setupWorker({
      world: () => 500,
      schedule: [1_000],
    });
    const [id = ''] = await tasks(await agent(), 1);
    worker.start();
    await until(async () => (await task(id)).attemptCount === 1);
    pass(1_000);
    await until(async () => (await stateOf(id)) === 'dead');
    pass(1_000_000);
    await settle();
    expect(started).toHaveLength(2);
    expect((await task(id)).attempts.map(({ outcome }) => outcome)).toEqual(['retry', 'failed']);
  });

  it('has one log line per attempt, without its body', async () => {
    const { worker, agent, tasks, stateOf, lines } = setupWorker({ world: statuses(410) });
    const owner = await agent();
    const [id = ''] = await tasks(owner, 1, { name: 'summarize', body: '{"secret":"hunter2"}' });
    worker.start();
    await until(async () => (await stateOf(id)) === 'dead');
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatchObject({
      msg: 'attempt',
      kind: 'task',
      task_id: id,
      agent_id: owner.agentId,
      name: 'summarize',
      attempt: 1,
      outcome: 'failed',
      status_code: 410,
      error: 'http_status',
      duration_ms: 1,
    });
    expect(JSON.stringify(lines)).not.toContain('hunter2');
  });
});

describe('the end of a task', () => {
  it('that could not be delivered is reported, in the same transaction, and the report is sent', async () => {
    const told: StoredTask[] = [];
    const { worker, agent, tasks, stateOf, started } = setupWorker({
      world: ({ kind }) => (kind === 'task' ? 404 : 202),
      reportOf: (task) => {
        told.push(task);
        return aDelivery(task.agentId, { kind: 'state_report', name: 'error', dueAt: 0 });
      },
    });
    const owner = await agent();
    const [id = ''] = await tasks(owner, 1, { body: '{"task_name":"x"}' });
    worker.start();
    await until(() => started.length === 2);
    expect(await stateOf(id)).toBe('dead');
    expect(started.map(({ kind, name }) => `${kind} ${name}`)).toEqual([
      'task t',
      'state_report error',
    ]);
    expect(told).toMatchObject([
      { id, agentId: owner.agentId, attemptCount: 1, lastError: 'http_404' },
    ]);
    expect(Buffer.from(told[0]?.body ?? []).toString()).toBe('{"task_name":"x"}');
  });

  it('is not reported when it was delivered, or will be tried again', async () => {
    const { worker, agent, tasks, task, pass, stateOf } = setupWorker({
      world: statuses(503, 200),
      reportOf: () => {
        throw new Error('asked for a report');
      },
    });
    const [id = ''] = await tasks(await agent(), 1);
    worker.start();
    await until(async () => (await task(id)).attemptCount === 1);
    pass(1_000);
    await until(async () => (await stateOf(id)) === 'delivered');
  });

  it('a webhook that dies is reported to nobody', async () => {
    const { worker, agent, started, lines, real, clock, settle } = setupWorker({
      world: () => 410,
      reportOf: () => {
        throw new Error('asked for a report');
      },
    });
    await agent(({ agentId }) => aDelivery(agentId, { kind: 'webhook', dueAt: clock.now() }));
    worker.start();
    await until(() => lines.some(({ outcome }) => outcome === 'failed'));
    await settle();
    const later = clock.now() + 1_000_000;
    expect((await claimAt(real, later)).deliveries).toEqual([]);
    expect(started).toHaveLength(1);
  });
});

describe('what is not sent at all', () => {
  it('waits when its target is not configured, and burns no attempt', async () => {
    let configured = false;
    const { worker, agent, tasks, task, clock, pass, stateOf, started } = setupWorker({
      world: statuses(200),
      prepare: async () => (configured ? undefined : { outcome: 'not_configured' }),
    });
    const [id = ''] = await tasks(await agent(), 1);
    worker.start();
    for (let snooze = 0; snooze < 5; snooze += 1) {
      await until(async () => (await task(id)).nextAttemptAt === clock.now() + 60_000);
      expect(await task(id)).toMatchObject({ attemptCount: 0, lastError: 'not_configured' });
      pass(60_000);
    }
    await until(async () => (await task(id)).nextAttemptAt === clock.now() + 60_000);
    configured = true;
    pass(60_000);
    await until(async () => (await stateOf(id)) === 'delivered');
    expect(started.map(({ attemptCount }) => attemptCount)).toEqual([0]);
  });

  it('is cancelled when its agent has gone, and that is reported', async () => {
    const told: StoredTask[] = [];
    const { worker, agent, tasks, task, stateOf, started } = setupWorker({
      world: statuses(202),
      prepare: async ({ kind }) =>
        kind === 'task' ? { outcome: 'agent_deregistered' } : undefined,
      reportOf: (lost) => {
        told.push(lost);
        return aDelivery(lost.agentId, { kind: 'state_report', name: 'error', dueAt: 0 });
      },
    });
    const [id = ''] = await tasks(await agent(), 1);
    worker.start();
    await until(async () => (await stateOf(id)) === 'cancelled');
    expect(await task(id)).toMatchObject({
      attemptCount: 0,
      lastError: 'agent_deregistered',
      attempts: [],
    });
    await until(() => started.length === 1);
    expect(started[0]?.kind).toBe('state_report');
    expect(told).toMatchObject([{ id, attemptCount: 0, lastError: 'agent_deregistered' }]);
  });

  it('is tried again when preparing it fails: a bug loses nothing', async () => {
    let broken = true;
    const { worker, agent, tasks, stateOf, started, lines, pass, task } = setupWorker({
      world: statuses(200),
      prepare: async () => {
        if (broken) throw new Error('a bug');
        return undefined;
      },
    });
    const [id = ''] = await tasks(await agent(), 1);
    worker.start();
    await until(() => lines.some(({ msg }) => msg === 'an attempt failed inside'));
    expect(await task(id)).toMatchObject({ state: 'scheduled', attemptCount: 0 });
    broken = false;
    pass(60_000);
    await until(async () => (await stateOf(id)) === 'delivered');
    expect(started).toHaveLength(1);
  });
});

describe('a webhook and the next', () => {
  it('go out in their order, the second after the end of the first, its retries included', async () => {
    const { worker, agent, real, names, clock, pass, started, settle } = setupWorker({
      world: statuses(503, 200, 200),
    });
    const event = (agentId: string, name: string) =>
      aDelivery(agentId, { kind: 'webhook', name, dueAt: clock.now() });
    const owner = await agent(({ agentId }) => event(agentId, 'REGISTER'));
    await real.agents.remove(
      owner.agentId,
      removal(clock.now(), { webhookOf: () => event(owner.agentId, 'DEREGISTER') }),
    );
    worker.start();
    await until(() => started.length === 1);
    await settle();
    expect(names()).toEqual(['REGISTER']);
    pass(1_000);
    await until(() => started.length === 3);
    expect(names()).toEqual(['REGISTER', 'REGISTER', 'DEREGISTER']);
  });

  it('are never in flight together', async () => {
    const { worker, agent, real, inFlight, answer, names, clock, settle } = setupWorker();
    const event = (agentId: string, name: string) =>
      aDelivery(agentId, { kind: 'webhook', name, dueAt: clock.now() });
    const owner = await agent(({ agentId }) => event(agentId, 'first'));
    for (const name of ['second', 'third']) {
      const webhook = event(owner.agentId, name);
      await updateAgent(real, owner.agentId, { version: name }, { webhook });
    }
    worker.start();
    for (const expected of ['first', 'second', 'third']) {
      await until(() => names().at(-1) === expected);
      worker.wake();
      await settle();
      expect(inFlight()).toHaveLength(1);
      answer(inFlight()[0] ?? '');
    }
  });
});
