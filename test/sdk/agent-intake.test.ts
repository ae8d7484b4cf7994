import { describe, expect, it } from 'vitest';
import type { AgentOptions, Task } from '../../src/sdk/index.ts';
import { eventually } from './helpers/eventually.ts';
import { cleanupAfterEach, gate, startWorld, type World } from './helpers/agents.ts';
import {
  dispatchHeaders,
  dispatchTask,
  hexHeaders,
  nowSeconds,
  post,
  standardHeaders,
} from './helpers/dispatch.ts';
import { AGENT_ID } from './helpers/fake-service.ts';

cleanupAfterEach();

const BODY = '{"task_name":"echo","parameters":{"a":1}}';

/** An agent that notes what its handler got. */
async function startNotingAgent(options: Partial<AgentOptions> = {}) {
  const world: World = await startWorld();
  const tasks: Task[] = [];
  const agent = await world.agent({ tasks: { echo: (task) => void tasks.push(task) }, ...options });
  return { world, agent, tasks };
}

/** All that was dispatched before has run once this one did: refused ones would show up by then. */
async function runsOnly(url: string, tasks: Task[], ids: string[]): Promise<void> {
  expect((await dispatchTask(url, 'echo', { id: 'last' })).status).toBe(202);
  await eventually(() => {
    expect(tasks.map(({ taskId }) => taskId)).toContain('last');
  });
  expect(tasks.map(({ taskId }) => taskId)).toEqual([...ids, 'last']);
}

describe('an agent hands to its handler', () => {
  it('the same task for either body shape', async () => {
    const { agent, tasks } = await startNotingAgent();
    const bodies = [
      {
        task_name: 'echo',
        parameters: { a: 'ü' },
        opscore_task_id: 'ot',
        opscore_session_id: 'os',
      },
      {
        senderId: 'ops',
        messageType: 'echo',
        payload: { a: 'ü' },
        sessionContext: { taskId: 'ot', sessionId: 'os' },
      },
    ];
    for (const [index, body] of bodies.entries()) {
      const text = JSON.stringify(body);
      const headers = dispatchHeaders(text, { id: `task-${String(index)}`, attempt: 2 });
      expect(await post(agent.url, text, headers)).toMatchObject({
        status: 202,
        body: { status: 'success' },
      });
    }
    await eventually(() => {
      expect(tasks).toHaveLength(2);
    });
    for (const [index, task] of tasks.entries()) {
      expect(task).toMatchObject({
        agentId: AGENT_ID,
        taskId: `task-${String(index)}`,
        taskName: 'echo',
        parameters: { a: 'ü' },
        opscoreTaskId: 'ot',
        opscoreSessionId: 'os',
        attempt: 2,
        traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
        body: bodies[index],
      });
      expect(task.signal).toBeInstanceOf(AbortSignal);
    }
  });

  it('whatever the name when there is one handler for all', async () => {
    const names: string[] = [];
    const { agent } = await startNotingAgent({ tasks: (task) => void names.push(task.taskName) });
    await dispatchTask(agent.url, '__proto__', { id: '1' });
    await dispatchTask(agent.url, 'x', { id: '2' });
    await eventually(() => {
      expect(names).toEqual(['__proto__', 'x']);
    });
  });
});

describe('an agent refuses with 401, and its handler never runs', () => {
  it.each<[string, string, Record<string, string>]>([
    ['an unsigned task', BODY, { 'x-agentkit-task-id': 'x' }],
    [
      'a task signed with another secret',
      BODY,
      dispatchHeaders(BODY, { id: 'x', secret: 'whsec_AAAA' }),
    ],
    ['an altered body', BODY.replace('1', '2'), dispatchHeaders(BODY, { id: 'x' })],
    ['a stale one', BODY, dispatchHeaders(BODY, { id: 'x', timestamp: nowSeconds() - 400 })],
    ['one of the future', BODY, dispatchHeaders(BODY, { id: 'x', timestamp: nowSeconds() + 400 })],
    ['one with the hex headers alone', BODY, { ...hexHeaders(BODY), 'x-agentkit-task-id': 'x' }],
    [
      'one with half a standard set',
      BODY,
      { ...dispatchHeaders(BODY, { id: 'x' }), 'webhook-id': '' },
    ],
    [
      'a task id that is not the signed one',
      BODY,
      { ...dispatchHeaders(BODY), 'x-agentkit-task-id': 'y' },
    ],
  ])('%s', async (_name, body, headers) => {
    const { agent, tasks } = await startNotingAgent();
    expect(await post(agent.url, body, headers)).toMatchObject({
      status: 401,
      body: { status: 'error', error_code: 'invalid_signature' },
    });
    await runsOnly(agent.url, tasks, []);
  });

  it('a replay of a task that it took', async () => {
    const { agent, tasks } = await startNotingAgent();
    const headers = dispatchHeaders(BODY, { id: 'x' });
    expect((await post(agent.url, BODY, headers)).status).toBe(202);
    expect(await post(agent.url, BODY, headers)).toMatchObject({
      status: 401,
      body: { error_code: 'replayed' },
    });
    await runsOnly(agent.url, tasks, ['x']);
  });

  it('a replay whose signed id was cut off and whose task id is new', async () => {
    const { agent, tasks } = await startNotingAgent();
    const timestamp = nowSeconds();
    await post(agent.url, BODY, dispatchHeaders(BODY, { id: 'x', timestamp }));
    const stripped = { ...hexHeaders(BODY, { timestamp }), 'x-agentkit-task-id': 'y' };
    expect((await post(agent.url, BODY, stripped)).status).toBe(401);
    await runsOnly(agent.url, tasks, ['x']);
  });
});

describe('an agent runs a task once', () => {
  it('and answers 202 to a retry with a fresh timestamp, whose first answer was lost', async () => {
    const { agent, tasks } = await startNotingAgent();
    const at = nowSeconds();
    const attempt = (n: number, timestamp: number) =>
      post(agent.url, BODY, dispatchHeaders(BODY, { id: 'x', timestamp, attempt: n }));
    expect((await attempt(1, at - 2)).status).toBe(202);
    expect((await attempt(2, at - 1)).status).toBe(202);
    // The service may well come back within the same second.
    expect((await attempt(3, at - 1)).status).toBe(202);
    await runsOnly(agent.url, tasks, ['x']);
  });

  it('when copies come at once', async () => {
    const { agent, tasks } = await startNotingAgent();
    const at = nowSeconds();
    const copies = [0, 1, 2, 3, 4].map((n) =>
      post(agent.url, BODY, dispatchHeaders(BODY, { id: 'x', timestamp: at - n })),
    );
    const statuses = (await Promise.all(copies)).map(({ status }) => status);
    expect(statuses).toEqual([202, 202, 202, 202, 202]);
    await runsOnly(agent.url, tasks, ['x']);
  });

  it('with the Standard Webhooks headers alone', async () => {
    const { agent, tasks } = await startNotingAgent();
    const headers = standardHeaders(BODY, { id: 'standard' });
    expect((await post(agent.url, BODY, headers)).status).toBe(202);
    expect((await post(agent.url, BODY, headers)).status).toBe(401);
    await runsOnly(agent.url, tasks, ['standard']);
  });

  it('of anybody, when it is told not to verify', async () => {
    const { agent, tasks } = await startNotingAgent({ verify: false });
    for (let copy = 0; copy < 2; copy += 1) {
      expect((await post(agent.url, BODY, { 'x-agentkit-task-id': 'x' })).status).toBe(202);
    }
    await runsOnly(agent.url, tasks, ['x']);
  });
});

describe('an agent answers', () => {
  it('503 with Retry-After over its concurrency, and runs the retry', async () => {
    const free = gate();
    const done: string[] = [];
    const { agent } = await startNotingAgent({
      concurrency: 1,
      tasks: async (task) => {
        if (task.taskId === 'first') await free.opened;
        done.push(task.taskId);
      },
    });
    const at = nowSeconds();
    await dispatchTask(agent.url, 'any', { id: 'first' });
    expect(agent.inFlight).toBe(1);
    const busy = await dispatchTask(agent.url, 'any', { id: 'second', timestamp: at });
    expect(busy).toMatchObject({ status: 503, body: { error_code: 'busy' } });
    expect(busy.headers.get('retry-after')).toBe('1');
    free.open();
    await eventually(() => {
      expect(agent.inFlight).toBe(0);
    });
    // Even the very same bytes: the refusal left no trace.
    expect((await dispatchTask(agent.url, 'any', { id: 'second', timestamp: at })).status).toBe(
      202,
    );
    await eventually(() => {
      expect(done).toEqual(['first', 'second']);
    });
  });

  it.each(['other', 'constructor', '__proto__'])(
    '404 to the task %s that it does not have',
    async (name) => {
      const { agent, tasks } = await startNotingAgent();
      expect(await dispatchTask(agent.url, name, { id: 'x' })).toMatchObject({
        status: 404,
        body: { error_code: 'unknown_task', message: `This agent has no task named "${name}".` },
      });
      await runsOnly(agent.url, tasks, []);
    },
  );

  it('400 to what is signed but malformed', async () => {
    const { agent } = await startNotingAgent();
    for (const [index, body] of ['{', '[]', '{"task_name":"echo","parameters":[]}'].entries()) {
      const headers = dispatchHeaders(body, { id: String(index) });
      expect(await post(agent.url, body, headers)).toMatchObject({
        status: 400,
        body: { error_code: 'malformed_task' },
      });
    }
  });

  it('413 to a body over the cap, declared or not, and takes one at the cap', async () => {
    const { agent } = await startNotingAgent({ maxBodyBytes: BODY.length });
    expect((await post(agent.url, BODY, dispatchHeaders(BODY))).status).toBe(202);
    expect((await post(agent.url, `${BODY} `, {})).status).toBe(413);
    const stream = new Response('x'.repeat(1000)).body;
    const streamed = await fetch(agent.url, { method: 'POST', body: stream, duplex: 'half' });
    expect(streamed.status).toBe(413);
  });

  it('405 to anything but POST', async () => {
    const { agent } = await startNotingAgent();
    const answer = await fetch(agent.url);
    expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'POST']);
  });
});
