import { describe, expect, it } from 'vitest';
import { anAttempt } from '../helpers/records.ts';
import { aRegistration, aService, type Answer } from '../helpers/service.ts';
import { aSecret } from '../helpers/secrets.ts';
import { claimAt } from '../helpers/store.ts';

const dataOf = ({ body }: Answer) => body['data'] as Record<string, unknown>;
const listOf = ({ body }: Answer) => body['data'] as Record<string, unknown>[];
const codeOf = ({ status, body }: Answer) => `${status} ${String(body['error_code'])}`;
const namesOf = (answer: Answer) => listOf(answer).map(({ name }) => name);

const WEBHOOKS = {
  OPSCORE_WEBHOOK_URL: 'http://127.0.0.1:9/hook?token=in-the-url',
  OPSCORE_WEBHOOK_SECRET: aSecret('OPSCORE_WEBHOOK_SECRET'),
  OPSCORE_API_URL: 'http://127.0.0.1:9',
  OPSCORE_API_KEY: aSecret('OPSCORE_API_KEY'),
};

/** A service on which nothing is sent: the test is the worker. */
async function setup() {
  const kit = await aService(WEBHOOKS);
  const { store } = kit.service;
  const agent = dataOf(await kit.call('POST', '/v1/agents', { body: aRegistration() }));
  const agentId = String(agent['agentId']);
  const run = async (task_name: string) => {
    const body = { task_name };
    return String(dataOf(await kit.call('POST', `/v1/agents/${agentId}/run`, { body }))['taskId']);
  };
  const list = (query = '') => kit.call('GET', `/v1/deliveries${query}`);
  const get = (id: string) => kit.call('GET', `/v1/deliveries/${id}`);
  const act = (id: string, what: string) => kit.call('POST', `/v1/deliveries/${id}/${what}`);
  /** The one delivery of a name, in the hands of a worker. */
  const held = async (name: string, now = Date.now()) => {
    const { deliveries } = await claimAt(store, now);
    const one = deliveries.find((delivery) => delivery.name === name);
    if (one === undefined) throw new Error(`${name} was not claimed`);
    await store.outbox.release(
      deliveries.filter((other) => other !== one),
      now,
    );
    return one;
  };
  const end = async (name: string, state: 'delivered' | 'dead', attempt = anAttempt()) => {
    const { id, seq, epoch, lane } = await held(name);
    const lastError = state === 'dead' ? 'http_503' : null;
    await store.outbox.complete({
      seq,
      epoch,
      lane,
      state,
      attempt,
      lastError,
      finishedAt: Date.now(),
    });
    return id;
  };
  return { ...kit, store, agentId, run, list, get, act, held, end };
}

const REFUSED = anAttempt({ outcome: 'failed', statusCode: 503, errorClass: 'http_status' });

describe('the list of deliveries', () => {
  it('has webhooks and tasks, the last accepted first', async () => {
    const { run, list, agentId } = await setup();
    const taskId = await run('sum');
    const answer = await list();
    expect(namesOf(answer)).toEqual(['sum', 'REGISTER']);
    expect(listOf(answer)[0]).toEqual({
      deliveryId: taskId,
      kind: 'task',
      agentId,
      name: 'sum',
      state: 'scheduled',
      attemptCount: 0,
      nextAttemptAt: listOf(answer)[0]?.['createdAt'],
      lastError: null,
      errorClass: null,
      createdAt: expect.stringMatching(/^\d{4}-.*Z$/) as string,
      finishedAt: null,
    });
    expect(answer.body['next_cursor']).toBeNull();
  });

  it('goes from page to page', async () => {
    const { run, list } = await setup();
    for (const name of ['a', 'b', 'c']) await run(name);
    const first = await list('?limit=3');
    expect(namesOf(first)).toEqual(['c', 'b', 'a']);
    const second = await list(`?limit=3&cursor=${String(first.body['next_cursor'])}`);
    expect(namesOf(second)).toEqual(['REGISTER']);
    expect(second.body['next_cursor']).toBeNull();
  });

  it('is asked by kind, state, agent, error class, time and id', async () => {
    const { run, list, end, agentId } = await setup();
    await run('good');
    await end('good', 'delivered');
    await run('bad');
    const bad = await end('bad', 'dead', REFUSED);
    expect(namesOf(await list('?kind=webhook'))).toEqual(['REGISTER']);
    expect(namesOf(await list('?state=dead'))).toEqual(['bad']);
    expect(namesOf(await list('?state=delivered'))).toEqual(['good']);
    expect(namesOf(await list(`?agent_id=${agentId}&kind=task`))).toEqual(['bad', 'good']);
    expect(namesOf(await list('?agent_id=nobody'))).toEqual([]);
    expect(namesOf(await list('?error_class=http_status'))).toEqual(['bad']);
    expect(namesOf(await list('?error_class=timeout'))).toEqual([]);
    expect(namesOf(await list(`?id=${bad}`))).toEqual(['bad']);
    expect(namesOf(await list(`?id=${bad}&state=delivered`))).toEqual([]);
    expect(namesOf(await list('?id=nothing'))).toEqual([]);
    const since = new Date(Date.now() - 60_000).toISOString();
    const soon = new Date(Date.now() + 60_000).toISOString();
    expect(namesOf(await list(`?since=${since}&until=${soon}`))).toHaveLength(3);
    expect(namesOf(await list(`?until=${since}`))).toEqual([]);
    expect(namesOf(await list(`?since=${soon}`))).toEqual([]);
    const elsewhere = '2020-01-01T00:00%2B02:00';
    expect(namesOf(await list(`?since=${elsewhere}`))).toHaveLength(3);
  });

  it.each([
    ['?kind=mail', '/querystring/kind'],
    ['?state=lost', '/querystring/state'],
    ['?since=yesterday', '/querystring/since'],
    ['?since=2026-13-45T00:00Z', '/querystring/since'],
    ['?until=2026-11-23', '/querystring/until'],
    ['?limit=0', '/querystring/limit'],
    ['?cursor=!', '/querystring/cursor'],
    ['?error_class=', '/querystring/error_class'],
    ['?agentId=a', '/querystring/agentId'],
    ['?sate=dead', '/querystring/sate'],
  ])('%s is refused, with the place', async (query, path) => {
    const { list } = await setup();
    const answer = await list(query);
    expect(codeOf(answer)).toBe('422 validation_failed');
    expect(answer.body['errors']).toMatchObject([{ path }]);
  });
});

describe('a delivery', () => {
  it('is shown with its attempts: where their time went, and what was sent, without secrets', async () => {
    const { get, end, lines } = await setup();
    const attempt = anAttempt({
      outcome: 'failed',
      statusCode: 401,
      errorClass: 'http_status',
      startedAt: 1_795_403_076_999,
      durationMs: 20,
      connectedMs: 2,
      answeredMs: 15,
      responseExcerpt: 'no',
    });
    const id = await end('REGISTER', 'dead', attempt);
    const shown = dataOf(await get(id));
    expect(shown).toMatchObject({
      deliveryId: id,
      kind: 'webhook',
      state: 'dead',
      errorClass: 'http_status',
      waitsFor: null,
      behind: null,
      bytes: expect.any(Number) as number,
    });
    expect(shown['attempts']).toEqual([
      {
        number: 1,
        startedAt: '2026-11-23T03:04:36.999Z',
        durationMs: 20,
        outcome: 'failed',
        statusCode: 401,
        errorClass: 'http_status',
        responseExcerpt: 'no',
        phases: { connectMs: 2, waitMs: 13, bodyMs: 5 },
        requestHeaders: {
          'content-type': 'application/json',
          'user-agent': 'agentkit-service',
          'x-agentkit-timestamp': '1795403076',
          'x-agentkit-signature': '[redacted]',
          'webhook-id': id,
          'webhook-timestamp': '1795403076',
          'webhook-signature': '[redacted]',
        },
      },
    ]);
    const said = JSON.stringify([shown, lines]);
    expect(said).not.toContain(WEBHOOKS.OPSCORE_WEBHOOK_SECRET);
    expect(said).not.toContain(WEBHOOKS.OPSCORE_API_KEY);
  });

  it('that did not come so far has no time of it', async () => {
    const { get, end } = await setup();
    const never = {
      statusCode: null,
      errorClass: 'timeout',
      answeredMs: null,
      responseExcerpt: null,
    } as const;
    const id = await end(
      'REGISTER',
      'dead',
      anAttempt({ ...never, outcome: 'failed', connectedMs: null }),
    );
    expect(dataOf(await get(id))['attempts']).toMatchObject([
      { phases: { connectMs: null, waitMs: null, bodyMs: null } },
    ]);
  });

  it('that is a task shows the headers of a dispatch, its span among them', async () => {
    const { run, get, end } = await setup();
    await run('sum');
    const id = await end('sum', 'delivered', anAttempt({ spanId: '00f067aa0ba902b7' }));
    const [attempt] = dataOf(await get(id))['attempts'] as {
      requestHeaders: Record<string, string>;
    }[];
    expect(attempt?.requestHeaders).toMatchObject({
      'x-agentkit-task-id': id,
      'x-agentkit-attempt': '1',
      'webhook-id': id,
      traceparent: expect.stringMatching(/^00-[0-9a-f]{32}-00f067aa0ba902b7-00$/) as string,
    });
  });

  it('says what it waits for', async () => {
    const { run, get, call, held, store, agentId } = await setup();
    const taskId = await run('sum');
    const waitsFor = async (id: string) => dataOf(await get(id))['waitsFor'];
    expect(await waitsFor(taskId)).toBe('turn');
    await call('POST', `/v1/agents/${agentId}/pause`);
    expect(await waitsFor(taskId)).toBe('agent_paused');
    await call('POST', `/v1/agents/${agentId}/resume`);
    await call('PATCH', `/v1/agents/${agentId}`, { body: { version: '2' } });
    const first = await held('REGISTER');
    expect(await waitsFor(first.id)).toBe('attempt');
    const { seq, epoch, lane } = first;
    const dueAt = Date.now() + 60_000;
    await store.outbox.complete({
      seq,
      epoch,
      lane,
      state: 'scheduled',
      dueAt,
      lastError: 'not_configured',
    });
    expect(await waitsFor(first.id)).toBe('configuration');
    const [second] = listOf(await call('GET', '/v1/deliveries?kind=webhook&limit=1'));
    expect(dataOf(await get(String(second?.['deliveryId'])))).toMatchObject({
      waitsFor: 'earlier_delivery',
      behind: first.id,
    });
    await store.agents.change({ agentId }, (agent) => ({
      result: undefined,
      ...(agent === undefined ? {} : { write: { ...agent, status: 'offline' as const } }),
    }));
    expect(await waitsFor(taskId)).toBe('agent_offline');
  });

  it('that nobody knows is not found', async () => {
    const { get, act } = await setup();
    expect(codeOf(await get('nothing'))).toBe('404 delivery_not_found');
    expect(codeOf(await act('nothing', 'retry'))).toBe('404 delivery_not_found');
    expect(codeOf(await act('nothing', 'cancel'))).toBe('404 delivery_not_found');
  });
});

describe('retrying', () => {
  it('schedules a dead letter again, and the log says who did it', async () => {
    const { run, act, end, get, lines } = await setup();
    await run('sum');
    const id = await end('sum', 'dead', REFUSED);
    const answer = await act(id, 'retry');
    expect(answer.status).toBe(200);
    expect(dataOf(answer)).toMatchObject({
      deliveryId: id,
      state: 'scheduled',
      finishedAt: null,
      waitsFor: 'turn',
    });
    expect(dataOf(await get(id))['attempts']).toHaveLength(1);
    expect(lines.find(({ msg }) => msg === 'delivery retried')).toMatchObject({
      delivery_id: id,
      kind: 'task',
      by: 'anonymous',
    });
  });

  it('refuses one that was delivered, unless it is said', async () => {
    const { run, act, end } = await setup();
    await run('sum');
    const id = await end('sum', 'delivered');
    expect(codeOf(await act(id, 'retry'))).toBe('409 delivery_delivered');
    expect(codeOf(await act(id, 'retry?force=false'))).toBe('409 delivery_delivered');
    expect(codeOf(await act(id, 'retry?force=yes'))).toBe('422 validation_failed');
    expect((await act(id, 'retry?force=true')).status).toBe(200);
  });

  it('refuses what would undo a later webhook, what is too early to tell, and what nobody takes', async () => {
    const { run, act, end, call, held, store, agentId } = await setup();
    const register = await end('REGISTER', 'dead', REFUSED);
    await run('sum');
    const task = await end('sum', 'dead', REFUSED);
    await call('DELETE', `/v1/agents/${agentId}`);
    const goodbye = await held('DEREGISTER');
    const busy = await act(register, 'retry');
    expect(codeOf(busy)).toBe('409 delivery_busy');
    expect(Number(busy.headers['retry-after'])).toBeGreaterThan(0);
    const { seq, epoch, lane } = goodbye;
    await store.outbox.complete({
      seq,
      epoch,
      lane,
      state: 'delivered',
      finishedAt: Date.now(),
      lastError: null,
    });
    expect(codeOf(await act(register, 'retry?force=true'))).toBe('409 delivery_superseded');
    expect(codeOf(await act(task, 'retry'))).toBe('409 agent_gone');
  });
});

describe('cancelling', () => {
  it('ends a waiting delivery of either sort: 200, and again 200', async () => {
    const { run, act, list, lines } = await setup();
    const taskId = await run('sum');
    const webhook = String(listOf(await list('?kind=webhook'))[0]?.['deliveryId']);
    for (const id of [taskId, webhook, taskId, webhook]) {
      const answer = await act(id, 'cancel');
      expect(answer.status).toBe(200);
      expect(dataOf(answer)).toMatchObject({
        deliveryId: id,
        state: 'cancelled',
        nextAttemptAt: null,
      });
    }
    expect(namesOf(await list('?state=cancelled'))).toEqual(['sum', 'REGISTER']);
    expect(lines.filter(({ msg }) => msg === 'delivery cancelled')).toHaveLength(2);
  });

  it('comes too late for what has ended, and too early for a webhook that is being sent', async () => {
    const { run, act, end, held } = await setup();
    await run('sum');
    const id = await end('sum', 'delivered');
    expect(codeOf(await act(id, 'cancel'))).toBe('409 delivery_finished');
    const register = await held('REGISTER');
    expect(codeOf(await act(register.id, 'cancel'))).toBe('409 delivery_busy');
  });
});

describe('pausing an agent', () => {
  it('shows in the agent; again and back it answers 200', async () => {
    const { call, agentId, lines } = await setup();
    const paused = await call('POST', `/v1/agents/${agentId}/pause`);
    expect(dataOf(paused)).toMatchObject({
      agentId,
      status: 'online',
      pausedAt: expect.any(String) as string,
    });
    const again = await call('POST', `/v1/agents/${agentId}/pause`);
    expect(dataOf(again)).toEqual(dataOf(paused));
    expect(dataOf(await call('GET', `/v1/agents/${agentId}`))).toEqual(dataOf(paused));
    for (let i = 0; i < 2; i += 1) {
      const resumed = await call('POST', `/v1/agents/${agentId}/resume`);
      expect(dataOf(resumed)).toMatchObject({ pausedAt: null });
    }
    expect(lines.map(({ msg }) => msg).filter((msg) => String(msg).startsWith('agent '))).toEqual([
      'agent paused',
      'agent resumed',
    ]);
  });

  it('changes the ETag, and is told in the feed', async () => {
    const { call, agentId } = await setup();
    const before = await call('GET', '/v1/agents');
    await call('POST', `/v1/agents/${agentId}/pause`);
    const after = await call('GET', '/v1/agents');
    expect(after.headers['etag']).not.toBe(before.headers['etag']);
    const since = String(before.body['changes_cursor']);
    const changes = listOf(await call('GET', `/v1/agents/changes?since=${since}`));
    expect(changes).toMatchObject([
      { type: 'status', agent: { pausedAt: expect.any(String) as string } },
    ]);
  });

  it('outlasts a registration and a heartbeat', async () => {
    const { call, agentId } = await setup();
    await call('POST', `/v1/agents/${agentId}/pause`);
    await call('PUT', '/v1/agents/register', { body: aRegistration({ version: '9' }) });
    await call('POST', `/v1/agents/${agentId}/heartbeat`);
    expect(dataOf(await call('GET', `/v1/agents/${agentId}`))).toMatchObject({
      version: '9',
      pausedAt: expect.any(String) as string,
    });
  });

  it('of one that is not there is 404', async () => {
    const { call } = await setup();
    expect(codeOf(await call('POST', '/v1/agents/nobody/pause'))).toBe('404 agent_not_found');
    expect(codeOf(await call('POST', '/v1/agents/nobody/resume'))).toBe('404 agent_not_found');
  });
});

it('a ping without a configured webhook has nothing to try', async () => {
  const { call } = await aService();
  expect(codeOf(await call('POST', '/v1/webhook/ping'))).toBe('409 webhook_not_configured');
});
