import { expect, it } from 'vitest';
import { inTurn, once, startAgentServer, status } from '../helpers/agent-server.ts';
import { inParallel } from '../helpers/in-parallel.ts';
import { eventually, every, startWorld } from './world.ts';

it('no attempt starts after the 200 of a cancel, however it races with dispatches and retries', async () => {
  const world = await startWorld({ TASK_RETRY_SCHEDULE: every('1ms', 100) });
  const agent = await startAgentServer(status(503));
  const { agentId } = await world.register(agent);
  const cancelled: { taskId: string; at: number; arrivedBefore: number }[] = [];
  await inParallel(300, 8, async (n) => {
    const taskId = await world.run(agentId);
    // Let it come through 0 to 3 attempts, then race with the next.
    await eventually(() => expect(agent.of(taskId).length).toBeGreaterThanOrEqual(n % 4));
    const { status } = await world.request('POST', `/v1/tasks/${taskId}/cancel`);
    cancelled.push({ taskId, at: Date.now(), arrivedBefore: agent.of(taskId).length });
    expect(status).toBe(200);
  });
  // A task that comes later and is retried as often leaves the cancelled ones all the time to betray themselves.
  agent.behave = inTurn(...Array.from({ length: 20 }, () => status(503)), status(200));
  await world.taskIn('delivered', await world.run(agentId));

  let inFlight = 0;
  for (const { taskId, at, arrivedBefore } of cancelled) {
    const { state, attempts, attemptCount } = await world.task(taskId);
    expect(state).toBe('cancelled');
    expect(attempts.filter(({ startedAt }) => Date.parse(startedAt) > at)).toEqual([]);
    expect(agent.of(taskId)).toHaveLength(attempts.length);
    expect(attemptCount).toBe(attempts.length);
    const arrivedAfter = attempts.length - arrivedBefore;
    expect(arrivedAfter).toBeLessThanOrEqual(1);
    inFlight += arrivedAfter;
  }
  expect(inFlight).toBeLessThan(cancelled.length);
});

it('a task that waits for its retry is cancelled: it is not tried again', async () => {
  const world = await startWorld({ TASK_RETRY_SCHEDULE: '100ms,100ms,100ms' });
  const agent = await startAgentServer(inTurn(status(503), status(503), status(503), status(200)));
  const { agentId } = await world.register(agent);
  const taskId = await world.run(agentId);
  await eventually(async () =>
    expect(await world.task(taskId)).toMatchObject({ state: 'scheduled', attemptCount: 1 }),
  );
  const cancelled = await world.request('POST', `/v1/tasks/${taskId}/cancel`);
  expect(cancelled).toMatchObject({
    status: 200,
    body: { data: { taskId, state: 'cancelled', nextAttemptAt: null } },
  });
  // Cancelling again says the same: a client may repeat it.
  expect((await world.request('POST', `/v1/tasks/${taskId}/cancel`)).status).toBe(200);

  const later = await world.run(agentId);
  await world.taskIn('delivered', later);
  expect(agent.of(taskId)).toHaveLength(1);
  expect(agent.of(later)).toHaveLength(4);
  expect(await world.request('POST', `/v1/tasks/${later}/cancel`)).toMatchObject({
    status: 409,
    body: { error_code: 'task_finished' },
  });
});

it('tasks that queue behind a busy agent are cancelled and never reach it, not even after kill -9', async () => {
  const world = await startWorld({ AGENT_CONCURRENCY: '1', DISPATCH_TIMEOUT: '1m' });
  let release = () => {};
  const gate = new Promise<void>((resolve) => (release = resolve));
  const agent = await startAgentServer(once(gate));
  const { agentId } = await world.register(agent);
  const busy = await world.run(agentId);
  const waiting: string[] = [];
  for (let n = 0; n < 20; n += 1) waiting.push(await world.run(agentId));
  for (const taskId of waiting.slice(0, 18)) {
    expect((await world.request('POST', `/v1/tasks/${taskId}/cancel`)).status).toBe(200);
  }
  release();
  await world.taskIn('delivered', waiting[19] as string);
  expect(agent.dispatches.map(({ taskId }) => taskId)).toEqual([busy, ...waiting.slice(18)]);

  await world.kill();
  await world.restart();
  await world.taskIn('delivered', await world.run(agentId));
  expect(agent.dispatches).toHaveLength(4);
});
