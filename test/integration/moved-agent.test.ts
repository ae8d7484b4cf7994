import { expect, it } from 'vitest';
import { startAgentServer, status } from '../helpers/agent-server.ts';
import { eventually, every, startWorld, type RegisteredAgent } from './world.ts';

it('an agent that registers again elsewhere keeps its id and secret and gets its waiting tasks there', async () => {
  const world = await startWorld({ TASK_RETRY_SCHEDULE: every('150ms', 20) });
  const { opscore } = world;
  const before = await startAgentServer(status(503));
  const after = await startAgentServer();
  const registered = await world.register(before, { agentName: 'mover' });
  const { agentId, signingSecret } = registered;
  const taskIds: string[] = [];
  for (let n = 0; n < 20; n += 1) taskIds.push(await world.run(agentId, { task_name: 't', n }));
  await eventually(() => expect(before.dispatches.length).toBeGreaterThan(20));

  const registration = { agentName: 'mover', version: '1.0.1', contactEndpoint: after.url };
  after.signingSecret = signingSecret;
  const again = await world.request<{ data: RegisteredAgent }>(
    'PUT',
    '/v1/agents/register',
    registration,
  );
  const movedAt = Date.now();
  expect(again).toMatchObject({ status: 200, body: { data: { agentId, signingSecret } } });

  for (const taskId of taskIds) {
    const { attempts } = await world.taskIn('delivered', taskId);
    // One may have started at the new address before the answer to the PUT was here.
    const late = attempts.filter(({ startedAt }) => Date.parse(startedAt) > movedAt);
    expect(late.every(({ outcome }) => outcome === 'delivered')).toBe(true);
    expect(attempts.at(-1)?.outcome).toBe('delivered');
  }
  expect(after.dispatches.map(({ taskId }) => taskId).toSorted()).toEqual(taskIds.toSorted());
  expect(after.refused()).toBe(0);

  await eventually(() => expect(opscore.events(agentId)).toHaveLength(2));
  expect(opscore.events(agentId)[1]).toMatchObject({
    event_type: 'REGISTER',
    agent_details: { version: '1.0.1', contactEndpoint: after.url },
  });
  // The same once more changes nothing, and Ops-Core hears of nothing.
  expect((await world.request('PUT', '/v1/agents/register', registration)).status).toBe(200);
  await world.request('DELETE', `/v1/agents/${agentId}`);
  await eventually(() =>
    expect(opscore.story(agentId)).toEqual(['REGISTER', 'REGISTER', 'DEREGISTER']),
  );
});
