import { describe, expect, it } from 'vitest';
import { claimAt } from '../helpers/store.ts';
import { aRegistration, aService, type Answer, type Call } from '../helpers/service.ts';

const dataOf = ({ body }: Answer) => body['data'] as Record<string, unknown>;
const listOf = ({ body }: Answer) => body['data'] as Record<string, unknown>[];
const codeOf = ({ status, body }: Answer) => `${status} ${String(body['error_code'])}`;

async function setup() {
  const kit = await aService();
  const agent = dataOf(await kit.call('POST', '/v1/agents', { body: aRegistration() }));
  const agentId = String(agent['agentId']);
  const run = (request: Call) => kit.call('POST', `/v1/agents/${agentId}/run`, request);
  const list = (query = '') => kit.call('GET', `/v1/agents/${agentId}/tasks${query}`);
  const task = (id: unknown) => kit.call('GET', `/v1/tasks/${String(id)}`);
  const cancel = (id: unknown) => kit.call('POST', `/v1/tasks/${String(id)}/cancel`);
  /** The bytes that the agent will get. */
  const bytesOf = async (id: unknown) => {
    const { deliveries } = await claimAt(kit.service.store, Date.now() + 60_000);
    return Buffer.from(deliveries.find((one) => one.id === id)?.body ?? []).toString('utf8');
  };
  return { ...kit, agentId, run, list, task, cancel, bytesOf };
}

describe('giving an agent a task', () => {
  it.each([
    ['a task', { task_name: 'summarize', parameters: { a: 1 } }, 'summarize'],
    ['a message', { senderId: 'ops-core', messageType: 'TASK', payload: { a: 1 } }, 'TASK'],
    [
      'a message with a task_name',
      { senderId: 'ops-core', messageType: 'TASK', payload: {}, task_name: 'summarize' },
      'summarize',
    ],
  ])('as %s: 202, and it is stored', async (_what, body, name) => {
    const { run, task, agentId } = await setup();
    const answer = await run({ body });
    expect(answer.status).toBe(202);
    const { taskId } = dataOf(answer);
    expect(answer.body).toEqual({
      status: 'success',
      message: 'Task accepted for dispatch.',
      data: { agentId, taskId, dispatch_status: 'scheduled' },
    });
    expect(answer.headers['location']).toBe(`/v1/tasks/${String(taskId)}`);
    const shown = dataOf(await task(taskId));
    expect(shown).toEqual({
      taskId,
      agentId,
      name,
      state: 'scheduled',
      attemptCount: 0,
      nextAttemptAt: shown['createdAt'],
      lastError: null,
      createdAt: expect.stringMatching(/^\d{4}-.*Z$/) as string,
      finishedAt: null,
      attempts: [],
    });
  });

  it('keeps its bytes as they came: spaces, order, numbers, unknown keys, duplicates', async () => {
    const { run, bytesOf } = await setup();
    const payload =
      '{ "task_name" : "ü\\u00fc",\n\t"n": 1.0e2, "big": 12345678901234567890, "x": null, "n": 2 }';
    const { taskId } = dataOf(await run({ payload }));
    expect(await bytesOf(taskId)).toBe(payload);
  });
});

describe('with an Idempotency-Key', () => {
  const headers = { 'idempotency-key': 'order-7' };
  const body = { task_name: 'a' };

  it('the same request yields the same task, once', async () => {
    const { run, list } = await setup();
    const first = await run({ body, headers });
    const again = await run({ body, headers });
    expect(again.status).toBe(202);
    expect(dataOf(again)).toEqual(dataOf(first));
    expect(listOf(await list())).toHaveLength(1);
  });

  it('another body is a conflict, were it only another space', async () => {
    const { run, list } = await setup();
    await run({ payload: '{"task_name":"a"}', headers });
    expect(codeOf(await run({ payload: '{"task_name": "a"}', headers }))).toBe(
      '409 idempotency_conflict',
    );
    expect(listOf(await list())).toHaveLength(1);
  });

  it('another key is another task, and so is none', async () => {
    const { run, list } = await setup();
    await run({ body, headers });
    await run({ body, headers: { 'idempotency-key': 'order-8' } });
    await run({ body });
    await run({ body });
    expect(listOf(await list())).toHaveLength(4);
  });

  it('requests that arrive together make one task', async () => {
    const { run, list } = await setup();
    const answers = await Promise.all(Array.from({ length: 10 }, () => run({ body, headers })));
    expect(new Set(answers.map((answer) => dataOf(answer)['taskId'])).size).toBe(1);
    expect(listOf(await list())).toHaveLength(1);
  });

  it('may have 255 characters', async () => {
    const { run } = await setup();
    const answer = await run({ body, headers: { 'idempotency-key': '~'.repeat(255) } });
    expect(answer.status).toBe(202);
  });
});

describe('the tasks of an agent', () => {
  it('are listed newest first, page by page', async () => {
    const { run, list } = await setup();
    for (let i = 0; i < 5; i += 1) await run({ body: { task_name: `t${i}` } });
    const first = await list('?limit=3');
    expect(listOf(first).map(({ name }) => name)).toEqual(['t4', 't3', 't2']);
    const second = await list(`?limit=3&cursor=${String(first.body['next_cursor'])}`);
    expect(listOf(second).map(({ name }) => name)).toEqual(['t1', 't0']);
    expect(second.body['next_cursor']).toBeNull();
  });

  it('may be asked for by state', async () => {
    const { run, list, cancel } = await setup();
    const { taskId } = dataOf(await run({ body: { task_name: 'a' } }));
    await run({ body: { task_name: 'b' } });
    await cancel(taskId);
    const names = async (state: string) =>
      listOf(await list(`?state=${state}`)).map(({ name }) => name);
    expect(await names('cancelled')).toEqual(['a']);
    expect(await names('scheduled')).toEqual(['b']);
    expect(await names('dead')).toEqual([]);
  });
});

describe('cancelling', () => {
  it('ends a waiting task: 200, and again 200', async () => {
    const { run, cancel, task } = await setup();
    const { taskId } = dataOf(await run({ body: { task_name: 'a' } }));
    for (let i = 0; i < 2; i += 1) {
      const answer = await cancel(taskId);
      expect(answer.status).toBe(200);
      expect(dataOf(answer)).toMatchObject({ taskId, state: 'cancelled', nextAttemptAt: null });
    }
    expect(dataOf(await task(taskId))['finishedAt']).not.toBeNull();
  });

  it('comes too late for one that has ended: 409', async () => {
    const { run, cancel, service } = await setup();
    const { taskId } = dataOf(await run({ body: { task_name: 'a' } }));
    const now = Date.now() + 60_000;
    const { deliveries } = await claimAt(service.store, now);
    const [held] = deliveries;
    if (held === undefined) throw new Error('nothing claimed');
    const { seq, epoch, lane } = held;
    const end = { state: 'delivered', finishedAt: now, lastError: null } as const;
    await service.store.outbox.complete({ seq, epoch, lane, ...end });
    expect(codeOf(await cancel(taskId))).toBe('409 task_finished');
  });
});

it('an agent that leaves takes its waiting tasks with it, and they can still be read', async () => {
  const { run, call, task, list, agentId } = await setup();
  const { taskId } = dataOf(await run({ body: { task_name: 'a' } }));
  await call('DELETE', `/v1/agents/${agentId}`);
  expect(dataOf(await task(taskId))).toMatchObject({
    state: 'cancelled',
    lastError: 'agent_deregistered',
  });
  expect(codeOf(await list())).toBe('404 agent_not_found');
  expect(codeOf(await run({ body: { task_name: 'b' } }))).toBe('404 agent_not_found');
});
