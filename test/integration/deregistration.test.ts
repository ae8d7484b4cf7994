import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, it } from 'vitest';
import { hang, once, startAgentServer, status } from '../helpers/agent-server.ts';
import { tempDir } from '../helpers/service-process.ts';
import { inParallel } from '../helpers/in-parallel.ts';
import { eventually, startWorld, type World } from './world.ts';

async function runMany({ run }: World, agentId: string, count: number): Promise<string[]> {
  const taskIds: string[] = [];
  await inParallel(count, 16, async (n) => {
    const body = { task_name: 't', opscore_task_id: `ot-${String(n)}` };
    taskIds.push(await run(agentId, body));
  });
  return taskIds;
}

it('deregistering cancels the waiting tasks and reports each to Ops-Core before DEREGISTER', async () => {
  const world = await startWorld({ AGENT_CONCURRENCY: '1', DISPATCH_TIMEOUT: '1m' });
  const { opscore } = world;
  let release = () => {};
  const agent = await startAgentServer(once(new Promise<void>((resolve) => (release = resolve))));
  const { agentId } = await world.register(agent);
  const busy = await world.run(agentId);
  const waiting = await runMany(world, agentId, 40);

  expect((await world.request('DELETE', `/v1/agents/${agentId}`)).status).toBe(200);
  await eventually(() =>
    expect(opscore.story(agentId)).toEqual([
      'REGISTER',
      ...Array<string>(40).fill('error'),
      'DEREGISTER',
    ]),
  );
  const reports = opscore.reports(agentId).map(({ details }) => details);
  expect(reports.map(({ taskId }) => taskId).toSorted()).toEqual(waiting.toSorted());
  for (const details of reports) {
    expect(details).toEqual({
      error_code: 'dispatch_failed',
      opscore_task_id: expect.stringMatching(/^ot-\d+$/) as string,
      opscore_session_id: null,
      taskId: details['taskId'],
      attempts: 0,
      last_error: 'agent_deregistered',
    });
  }
  for (const taskId of waiting) {
    expect(await world.task(taskId)).toMatchObject({ state: 'cancelled', attempts: [] });
  }
  // What was under way ends as it ends.
  release();
  await world.taskIn('delivered', busy);
  expect(agent.dispatches.map(({ taskId }) => taskId)).toEqual([busy]);
  expect(
    (await world.request('POST', `/v1/agents/${agentId}/run`, { task_name: 't' })).status,
  ).toBe(404);
});

it('while the agent is taking tasks, each ends as delivered or as reported before DEREGISTER', async () => {
  const world = await startWorld({ AGENT_CONCURRENCY: '4' });
  const { opscore } = world;
  for (let round = 0; round < 12; round += 1) {
    const agent = await startAgentServer((response, dispatch) =>
      setTimeout(() => status(200)(response, dispatch), 2),
    );
    const { agentId } = await world.register(agent);
    const taskIds = await runMany(world, agentId, 30);
    await eventually(() => expect(agent.dispatches.length).toBeGreaterThan(8));
    expect((await world.request('DELETE', `/v1/agents/${agentId}`)).status).toBe(200);
    await eventually(() => expect(opscore.story(agentId)).toContain('DEREGISTER'));

    const states = new Map<string, string>();
    for (const taskId of taskIds) {
      await eventually(async () => {
        const { state } = await world.task(taskId);
        expect(state).not.toBe('scheduled');
        states.set(taskId, state);
      });
    }
    const ended = (state: string) => taskIds.filter((taskId) => states.get(taskId) === state);
    expect(ended('delivered').length + ended('cancelled').length).toBe(30);
    expect(agent.dispatches.map(({ taskId }) => taskId).toSorted()).toEqual(
      ended('delivered').toSorted(),
    );
    const reported = opscore.reports(agentId).map(({ details }) => details['taskId'] as string);
    expect(reported.toSorted()).toEqual(ended('cancelled').toSorted());
    expect(opscore.story(agentId).at(-1)).toBe('DEREGISTER');
  }
});

it('a backlog of more than one step is cancelled whole', async () => {
  const world = await startWorld({ AGENT_CONCURRENCY: '1', OPSCORE_API_URL: '' });
  const agent = await startAgentServer(hang);
  const { agentId } = await world.register(agent);
  const another = await world.register(agent.url);
  const taskIds = await runMany(world, agentId, 1_050);
  await eventually(() => expect(agent.dispatches).toHaveLength(1));
  expect((await world.request('DELETE', `/v1/agents/${agentId}`)).status).toBe(200);
  await eventually(() => expect(world.opscore.story(agentId)).toEqual(['REGISTER', 'DEREGISTER']));
  const [busy] = agent.dispatches;
  for (const taskId of taskIds.filter((id) => id !== busy?.taskId)) {
    expect((await world.task(taskId)).state).toBe('cancelled');
  }
  expect((await world.request('GET', `/v1/agents/${another.agentId}`)).status).toBe(200);
});

it('a deregistration that kill -9 cut in two is finished after the restart', async () => {
  const database = join(tempDir(), 'agentkit.db');
  const world = await startWorld({
    DATABASE_URL: `sqlite:${database}`,
    AGENT_CONCURRENCY: '1',
    DISPATCH_TIMEOUT: '1m',
  });
  const { opscore } = world;
  const agent = await startAgentServer(hang);
  const { agentId } = await world.register(agent);
  await runMany(world, agentId, 10);
  await eventually(() => expect(opscore.story(agentId)).toEqual(['REGISTER']));
  await world.kill();
  // What a kill between two steps leaves; to hit that moment would be luck.
  const db = new DatabaseSync(database);
  db.exec("UPDATE agents SET status = 'deregistering'");
  db.close();

  await world.restart();
  await eventually(() => expect(opscore.story(agentId).at(-1)).toBe('DEREGISTER'));
  expect(opscore.reports(agentId).length).toBeGreaterThanOrEqual(9);
  expect((await world.request('GET', `/v1/agents/${agentId}`)).status).toBe(404);
});
