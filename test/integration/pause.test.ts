import { expect, it } from 'vitest';
import { once, startAgentServer, status } from '../helpers/agent-server.ts';
import { eventually, startWorld } from './world.ts';

it('a paused agent gets no task, over kill -9 and heartbeats, and all of them when it is resumed', async () => {
  const world = await startWorld({ AGENT_CONCURRENCY: '2', DISPATCH_TIMEOUT: '1m' });
  let release = () => {};
  const gate = new Promise<void>((resolve) => (release = resolve));
  const agent = await startAgentServer(once(gate));
  const { agentId } = await world.register(agent);
  const act = async (what: string) =>
    expect((await world.request('POST', `/v1/agents/${agentId}/${what}`)).status).toBe(200);
  const running = [await world.run(agentId), await world.run(agentId)];
  await eventually(() => expect(agent.dispatches).toHaveLength(2));
  const waiting: string[] = [];
  for (let n = 0; n < 10; n += 1) waiting.push(await world.run(agentId));

  await act('pause');
  // What was under way runs out.
  release();
  for (const taskId of running) await world.taskIn('delivered', taskId);
  waiting.push(await world.run(agentId));
  await act('heartbeat');
  await world.kill();
  await world.restart();
  await act('heartbeat');
  // Another agent's tasks went through after all that was due.
  const healthy = await startAgentServer();
  const other = await world.register(healthy);
  for (let n = 0; n < 20; n += 1) await world.run(other.agentId);
  await eventually(() => expect(healthy.dispatches).toHaveLength(20));
  expect(agent.dispatches).toHaveLength(2);
  expect(await world.request('GET', `/v1/deliveries/${String(waiting[0])}`)).toMatchObject({
    body: { data: { state: 'scheduled', waitsFor: 'agent_paused', attempts: [] } },
  });

  await act('resume');
  for (const taskId of waiting) await world.taskIn('delivered', taskId);
  expect(agent.dispatches).toHaveLength(13);
});

it('tasks that wait for their next attempt go out as soon as their agent registers again', async () => {
  const world = await startWorld({ TASK_RETRY_SCHEDULE: '1h' });
  const agent = await startAgentServer(status(500));
  const { agentId } = await world.register(agent, { agentName: 'restarted' });
  const taskIds: string[] = [];
  for (let n = 0; n < 5; n += 1) taskIds.push(await world.run(agentId));
  for (const taskId of taskIds) {
    await eventually(async () => expect((await world.task(taskId)).attemptCount).toBe(1));
  }
  agent.behave = status(202);
  const registration = { agentName: 'restarted', version: '1.0.0', contactEndpoint: agent.url };
  await world.request('PUT', '/v1/agents/register', registration);
  for (const taskId of taskIds) await world.taskIn('delivered', taskId);
});

it('an unreachable agent that answers a probe gets what waits for its next attempt at once', async () => {
  const world = await startWorld({ TASK_RETRY_SCHEDULE: '1h', PROBE_INTERVAL: '100ms' });
  const agent = await startAgentServer(status(504));
  const { agentId } = await world.register(agent);
  const taskIds: string[] = [];
  for (let n = 0; n < 6; n += 1) taskIds.push(await world.run(agentId));
  await eventually(async () =>
    expect(await world.request('GET', `/v1/agents/${agentId}`)).toMatchObject({
      body: { data: { status: 'unreachable' } },
    }),
  );
  // A probe is what never was tried, or what is due: one is given.
  const probe = await world.run(agentId);
  agent.behave = status(202);
  for (const taskId of [probe, ...taskIds]) await world.taskIn('delivered', taskId);
});
