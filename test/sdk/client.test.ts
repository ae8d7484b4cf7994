import { inspect } from 'node:util';
import nock from 'nock';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { aSecret } from '../helpers/secrets.ts';
import type { AgentKitError } from '../../src/sdk/index.ts';
import { AgentKitClient } from '../../src/sdk/index.ts';

const KEY = aSecret('AGENTKIT_API_KEY');
const BASE = 'http://agentkit.test:8000';
const ok = (data: unknown, extra = {}) => ({ status: 'success', message: 'ok', data, ...extra });
const agent = { agentName: 'echo', version: '1', contactEndpoint: 'http://a.test/' };

// Its place is this file: the others of this worker talk to real servers.
beforeAll(() => {
  if (!nock.isActive()) nock.activate();
});

afterAll(() => nock.restore());

beforeEach(() => {
  nock.disableNetConnect();
});

afterEach(() => {
  expect(nock.pendingMocks()).toEqual([]);
  nock.cleanAll();
  nock.enableNetConnect();
  vi.unstubAllEnvs();
});

const client = (baseUrl = BASE) => new AgentKitClient({ baseUrl, apiKey: KEY });
const service = () => nock(BASE, { reqheaders: { authorization: `Bearer ${KEY}` } });

async function failure(call: Promise<unknown>): Promise<AgentKitError> {
  try {
    await call;
  } catch (error) {
    expect(inspect(error, { depth: 9, showHidden: true })).not.toContain(KEY);
    return error as AgentKitError;
  }
  throw new Error('It did not fail.');
}

describe('AgentKitClient sends', () => {
  it('a registration, by POST and by PUT, and answers its data', async () => {
    const data = { agentId: 'a1', signingSecret: 'whsec_x' };
    service().post('/v1/agents/register', agent).reply(201, ok(data));
    service().put('/v1/agents/register', agent).reply(200, ok(data));
    expect(await client().registerAgent(agent)).toEqual(data);
    expect(await client().upsertAgent(agent)).toEqual(data);
  });

  it('get, deregister, heartbeat', async () => {
    service()
      .get('/v1/agents/a1')
      .reply(200, ok({ agentId: 'a1', later: true }));
    service()
      .delete('/v1/agents/a1')
      .reply(200, ok({ agentId: 'a1' }));
    service()
      .post('/v1/agents/a1/heartbeat')
      .reply(200, ok({ agentId: 'a1' }));
    expect(await client().getAgent('a1')).toEqual({ agentId: 'a1', later: true });
    expect(await client().deregisterAgent('a1')).toEqual({ agentId: 'a1' });
    expect(await client().heartbeat('a1')).toEqual({ agentId: 'a1' });
  });

  it('a task in either shape, with its idempotency key', async () => {
    const task = { task_name: 'sum', parameters: { a: 1 }, extra: [null] };
    const message = {
      senderId: 's',
      messageType: 'm',
      payload: {},
      sessionContext: { taskId: 't' },
    };
    const data = { agentId: 'a1', taskId: 't1', dispatch_status: 'scheduled' };
    service()
      .post('/v1/agents/a1/run', task)
      .matchHeader('idempotency-key', 'once')
      .matchHeader('content-type', 'application/json')
      .reply(202, ok(data));
    service().post('/v1/agents/a1/run', message).reply(202, ok(data));
    expect(await client().runTask('a1', task, { idempotencyKey: 'once' })).toEqual(data);
    expect(await client().runTask('a1', message)).toEqual(data);
  });

  it('task status, list and cancel', async () => {
    service()
      .get('/v1/tasks/t1')
      .reply(200, ok({ taskId: 't1' }));
    service()
      .get('/v1/agents/a1/tasks?limit=2')
      .reply(200, ok([{ taskId: 't1' }], { next_cursor: 'c' }));
    service()
      .post('/v1/tasks/t1/cancel')
      .reply(200, ok({ taskId: 't1', state: 'cancelled' }));
    expect(await client().getTask('t1')).toEqual({ taskId: 't1' });
    expect(await client().listTasks('a1', { limit: 2 })).toEqual({
      tasks: [{ taskId: 't1' }],
      nextCursor: 'c',
    });
    expect(await client().cancelTask('t1')).toMatchObject({ state: 'cancelled' });
  });

  it('every filter of the list, and walks all its pages', async () => {
    const page = (query: string, ids: string[], next_cursor: string | null) =>
      service()
        .get(`/v1/agents?${query}`)
        .reply(
          200,
          ok(
            ids.map((agentId) => ({ agentId })),
            { next_cursor },
          ),
        );
    const query = 'capability=a&capability=b%20c&name=n&version=1&status=online&limit=5';
    page(`${query}&metadata_key=team`, ['1'], null);
    page('limit=2', ['1', '2'], 'x&y');
    page('limit=2&cursor=x%26y', ['3'], null);
    expect(
      await client().listAgents({
        capability: ['a', 'b c'],
        name: 'n',
        version: '1',
        status: 'online',
        limit: 5,
        metadataKey: 'team',
      }),
    ).toMatchObject({ notModified: false, agents: [{ agentId: '1' }], nextCursor: null });
    const ids: string[] = [];
    for await (const each of client().iterateAgents({ limit: 2 })) ids.push(each.agentId);
    expect(ids).toEqual(['1', '2', '3']);
  });

  it('the list with an ETag, and takes 304 for an answer to that alone', async () => {
    const headers = { etag: 'W/"7"' };
    const page = ok([{ agentId: '1' }], { next_cursor: null, changes_cursor: 'Nw' });
    service().get('/v1/agents').reply(200, page, headers);
    const first = await client().listAgents();
    expect(first).toEqual({
      notModified: false,
      agents: [{ agentId: '1' }],
      nextCursor: null,
      changesCursor: 'Nw',
      etag: 'W/"7"',
    });
    service()
      .get('/v1/agents?name=e')
      .matchHeader('if-none-match', 'W/"7"')
      .reply(304, undefined, headers);
    const again = await client().listAgents({ name: 'e' }, { ifNoneMatch: first.etag });
    expect(again).toEqual({ notModified: true, etag: 'W/"7"' });
    service().get('/v1/agents').matchHeader('if-none-match', 'W/"7"').reply(200, page, headers);
    expect(await client().listAgents({}, { ifNoneMatch: 'W/"7"' })).toMatchObject(first);
    service().get('/v1/agents').reply(304);
    expect(await failure(client().listAgents())).toMatchObject({ code: 'invalid_response' });
    const bad = client().listAgents({}, { ifNoneMatch: 'a\r\nb' });
    expect(await failure(bad)).toMatchObject({ code: 'invalid_argument' });
  });

  it('the changes since a cursor', async () => {
    const event = { seq: 8, type: 'registered', at: 't', agentId: '1', agent: null };
    service()
      .get('/v1/agents/changes?since=Nw&limit=2')
      .reply(200, ok([event], { next_cursor: 'OA' }));
    service()
      .get('/v1/agents/changes')
      .reply(410, { status: 'error', message: 'm', detail: 'm', error_code: 'events_expired' });
    expect(await client().listChanges('Nw', { limit: 2 })).toEqual({
      changes: [event],
      nextCursor: 'OA',
    });
    expect(await failure(client().listChanges())).toMatchObject({
      code: 'events_expired',
      statusCode: 410,
    });
  });

  it('a change of an agent, whatever its revision or of one alone', async () => {
    const fields = { version: '2', capabilities: null, leaseSeconds: 60 };
    service()
      .patch('/v1/agents/a1', fields)
      .reply(200, ok({ agentId: 'a1', revision: 9 }));
    service()
      .patch('/v1/agents/a1', fields)
      .matchHeader('if-match', '"7"')
      .reply(412, { status: 'error', message: 'm', detail: 'm', error_code: 'revision_mismatch' });
    expect(await client().patchAgent('a1', fields)).toMatchObject({ revision: 9 });
    expect(await failure(client().patchAgent('a1', fields, { ifMatch: 7 }))).toMatchObject({
      code: 'revision_mismatch',
    });
  });

  it('the rotation of a signing secret', async () => {
    const data = { agentId: 'a1', signingSecret: 'whsec_n', previousUntil: '2026-01-02T00:00:00Z' };
    const path = '/v1/agents/a1/signing-secret/rotate';
    service().post(path, { overlapSeconds: 60, hexAfterSeconds: 30 }).reply(200, ok(data));
    service().post(path, {}).reply(200, ok(data));
    const rotation = { overlapSeconds: 60, hexAfterSeconds: 30 };
    expect(await client().rotateSigningSecret('a1', rotation)).toEqual(data);
    expect(await client().rotateSigningSecret('a1')).toEqual(data);
  });

  it('creation, list, rotation and revocation of API keys', async () => {
    const key = { name: 'ops core', scope: 'dispatch' as const, prefix: 'ak_1' };
    service()
      .post('/v1/keys', { name: 'ops core', scope: 'dispatch' })
      .reply(201, ok({ ...key, key: 'ak_1…' }));
    service()
      .get('/v1/keys')
      .reply(200, ok([key]));
    service()
      .post('/v1/keys/ops%20core/rotate', { overlapSeconds: 0 })
      .reply(200, ok({ ...key, key: 'ak_2…' }));
    service().delete('/v1/keys/ops%20core').reply(200, ok(key));
    const admin = client();
    expect(await admin.createKey({ name: 'ops core', scope: 'dispatch' })).toEqual({
      ...key,
      key: 'ak_1…',
    });
    expect(await admin.listKeys()).toEqual([key]);
    expect((await admin.rotateKey('ops core', { overlapSeconds: 0 })).key).toBe('ak_2…');
    expect(await admin.revokeKey('ops core')).toEqual(key);
  });

  it('health, which has no envelope', async () => {
    service().get('/health').reply(200, { status: 'ok', store: 'up' });
    expect(await client().health()).toEqual({ status: 'ok', store: 'up' });
  });

  it('a token instead of the key for one call, and nothing where there is neither', async () => {
    const token = aSecret('agentToken');
    nock(BASE, { reqheaders: { authorization: `Bearer ${token}` } })
      .get('/v1/agents/a1')
      .reply(200, ok({}));
    nock(BASE, { badheaders: ['authorization'] })
      .get('/v1/agents/a2')
      .reply(200, ok({}));
    await client().getAgent('a1', { token });
    vi.stubEnv('AGENTKIT_API_KEY', undefined);
    await new AgentKitClient({ baseUrl: BASE }).getAgent('a2');
  });

  it('to a URL with or without /v1 and with a path prefix, and encodes ids', async () => {
    for (const base of [`${BASE}/kit`, `${BASE}/kit/`, `${BASE}/kit/v1`, `${BASE}/kit/v1/`]) {
      service().get('/kit/v1/agents/a%2F..%2Fb%3F').reply(200, ok({}));
      await client(base).getAgent('a/../b?');
    }
  });

  it('to AGENTKIT_URL with AGENTKIT_API_KEY, else to the local default', async () => {
    vi.stubEnv('AGENTKIT_URL', `${BASE}/`);
    vi.stubEnv('AGENTKIT_API_KEY', KEY);
    service().get('/health').reply(200, {});
    await new AgentKitClient().health();
    vi.stubEnv('AGENTKIT_URL', '');
    vi.stubEnv('AGENTKIT_API_KEY', undefined);
    nock('http://127.0.0.1:8000', { badheaders: ['authorization'] })
      .get('/health')
      .reply(200, {});
    await new AgentKitClient().health();
  });
});

describe('AgentKitClient fails', () => {
  it('with the code, the status, the body and the faults that the service gave', async () => {
    const errors = [{ path: '/contactEndpoint', message: 'must be an http or https URL' }];
    const body = {
      status: 'error',
      message: 'Invalid.',
      detail: 'Invalid.',
      error_code: 'validation_failed',
      errors,
    };
    service().post('/v1/agents/register').reply(422, body);
    const error = await failure(client().registerAgent(agent));
    expect(error).toMatchObject({
      name: 'AgentKitError',
      code: 'validation_failed',
      statusCode: 422,
      body,
      errors,
    });
    expect(error.message).toContain('POST /v1/agents/register: 422 validation_failed: Invalid.');
    expect(error.message).toContain('/contactEndpoint: must be an http or https URL');
  });

  it('with Retry-After in milliseconds', async () => {
    const body = { status: 'error', message: 'Slow.', error_code: 'rate_limited' };
    service().get('/v1/agents/a1').reply(429, body, { 'retry-after': '3' });
    expect(await failure(client().getAgent('a1'))).toMatchObject({
      code: 'rate_limited',
      retryAfterMs: 3000,
    });
  });

  it('without the key, even where the peer echoes it', async () => {
    service()
      .get('/v1/agents/a1')
      .reply(401, { error_code: 'unauthorized', message: `Bearer ${KEY}?` });
    service().get('/v1/agents/a1').reply(500, `<h1>Bearer ${KEY}</h1>`);
    expect((await failure(client().getAgent('a1'))).body).toMatchObject({
      message: 'Bearer [redacted]?',
    });
    expect((await failure(client().getAgent('a1'))).body).toBe('<h1>Bearer [redacted]</h1>');
  });

  it.each([
    ['an error page', 502, '<html>Bad gateway</html>'],
    ['an error of another API', 404, { detail: 'Not Found' }],
    ['a redirect, which is not followed', 302, ''],
    ['a success that is not JSON', 200, 'hello'],
    ['a success without the envelope', 200, { agentId: 'a1', signingSecret: KEY }],
  ])('with invalid_response for %s', async (_name, status, body) => {
    service()
      .get('/v1/agents/a1')
      .reply(status, body, { location: `${BASE}/elsewhere` });
    expect(await failure(client().getAgent('a1'))).toMatchObject({ code: 'invalid_response' });
  });

  it('with invalid_response for a list that is none, answers that lack what counts, a cursor that stays', async () => {
    service()
      .post('/v1/keys')
      .reply(201, ok({ name: 'k', value: KEY }));
    service()
      .post('/v1/agents/a1/signing-secret/rotate')
      .reply(200, ok({ secret: KEY }));
    const createKey = client().createKey({ name: 'k', scope: 'read' });
    expect((await failure(createKey)).message).toBe('POST /v1/keys: the answer has no key.');
    expect(await failure(client().rotateSigningSecret('a1'))).toMatchObject({
      code: 'invalid_response',
    });
    service().get('/v1/agents').reply(200, ok({}));
    service()
      .put('/v1/agents/register')
      .reply(200, ok({ signingSecret: KEY }));
    service()
      .get('/v1/agents')
      .reply(200, ok([], { next_cursor: 'c' }));
    service()
      .get('/v1/agents?cursor=c')
      .reply(200, ok([], { next_cursor: 'c' }));
    expect(await failure(client().listAgents())).toMatchObject({ code: 'invalid_response' });
    expect(await failure(client().upsertAgent(agent))).toMatchObject({ code: 'invalid_response' });
    const all = client().iterateAgents();
    expect((await failure(all.next())).message).toContain('the cursor does not move on');
  });

  it.each([
    ['an empty id', () => client().getAgent('')],
    ['an id that climbs', () => client().getTask('..')],
    ['a task that is a list', () => client().runTask('a1', [] as never)],
    ['a task that is no JSON', () => client().runTask('a1', { task_name: 'a', n: 1n })],
    ['a token with a line break', () => client().getAgent('a1', { token: `${KEY}\nx: y` })],
    [
      'an idempotency key with a line break',
      () => client().runTask('a1', { task_name: 'a' }, { idempotencyKey: 'a\r\nb' }),
    ],
  ])('before it sends anything: %s', async (_name, call) => {
    expect(await failure(call())).toMatchObject({
      code: 'invalid_argument',
      statusCode: undefined,
    });
  });

  it('on a setting that cannot work, naming it and quoting no secret', () => {
    const make = (options: ConstructorParameters<typeof AgentKitClient>[0]) => () =>
      new AgentKitClient(options);
    for (const baseUrl of ['nonsense', 'ftp://h/', `http://user:${KEY}@h/`, 'http://h/?a=b']) {
      expect(make({ baseUrl })).toThrow(/^baseUrl \(AGENTKIT_URL\) (?!.*sentinel)/);
    }
    expect(make({ baseUrl: BASE, apiKey: `${KEY} ` })).toThrow(
      /^apiKey \(AGENTKIT_API_KEY\) (?!.*sentinel)/,
    );
  });
});
