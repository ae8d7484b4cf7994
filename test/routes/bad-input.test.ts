import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { errorCatalogue, type ErrorCode } from '../../src/errors.ts';
import {
  aRegistration,
  aService,
  sharedService,
  type Answer,
  type Call,
} from '../helpers/service.ts';

const TASK = { task_name: 'summarize' };
const MESSAGE = { senderId: 'ops-core', messageType: 'TASK', payload: {} };

/** A service with one agent and no task; since nothing is stored, one serves all tests. */
async function start() {
  const kit = await sharedService();
  const registered = await kit.call('POST', '/v1/agents', {
    body: aRegistration({ agentName: 'there already' }),
  });
  expect(registered.status).toBe(201);
  const { agentId } = registered.body['data'] as { agentId: string };
  const run = (request: Call) => kit.call('POST', `/v1/agents/${agentId}/run`, request);
  const register = (request: Call) => kit.call('POST', '/v1/agents/register', request);
  return { ...kit, agentId, run, register };
}

type Kit = Awaited<ReturnType<typeof start>>;

let kit: Kit;
beforeAll(async () => {
  kit = await start();
});
afterAll(() => kit.dispose());
afterEach(() => expectNothingStored());

/** The envelope of contract section 1, exactly; the paths of its faults. */
function expectEnvelope(answer: Answer, status: number, code: ErrorCode): string[] | undefined {
  const { body } = answer;
  expect({ status: answer.status, code: body['error_code'] }).toEqual({ status, code });
  expect(errorCatalogue[code].status).toBe(status);
  expect(answer.headers['content-type']).toBe('application/json; charset=utf-8');
  const keys = ['status', 'message', 'detail', 'error_code'];
  const errors = body['errors'] as { path: string; message: string }[] | undefined;
  expect(Object.keys(body)).toEqual(errors === undefined ? keys : [...keys, 'errors']);
  expect(body['status']).toBe('error');
  expect(body['message']).toMatch(/\.$/);
  expect(body['detail']).toBe(body['message']);
  for (const error of errors ?? []) {
    expect(Object.keys(error)).toEqual(['path', 'message']);
    expect(error.message).toMatch(/^Expected/);
  }
  return errors?.map(({ path }) => path);
}

async function expectNothingStored(): Promise<void> {
  const { call, agentId } = kit;
  const agents = (await call('GET', '/v1/agents')).body['data'] as { agentName: string }[];
  expect(agents.map(({ agentName }) => agentName)).toEqual(['there already']);
  const tasks = await call('GET', `/v1/agents/${agentId}/tasks`);
  expect(tasks.body['data']).toEqual([]);
}

const nested = (levels: number) => `{"a":${'['.repeat(levels)}${']'.repeat(levels)}}`;

describe('a body that is no JSON', () => {
  it.each([
    ['cut off', '{"agentName":"a"'],
    ['with a word too much', '{"agentName":"a"} x'],
    ['in single quotes', "{'agentName':'a'}"],
    ['nothing', ''],
    ['blank', '   '],
    ['nested 10,000 deep', nested(10_000)],
    ['nested 500,000 deep', nested(500_000)],
    ['with __proto__', '{"__proto__":{"agentName":"a"}}'],
    ['in Latin-1', Buffer.from('{"agentName":"\u00e9"}', 'latin1')],
    ['with a byte order mark', '\uFEFF{}'],
    ['form data', 'agentName=a&version=1'],
  ])('%s: 400', async (_what, payload) => {
    for (const send of [kit.register, kit.run]) {
      const answer = await send({ payload, headers: { 'content-type': 'application/json' } });
      expect(expectEnvelope(answer, 400, 'malformed_json')).toBeUndefined();
    }
  });

  it('missing, with its content type and all: 400', async () => {
    for (const send of [kit.register, kit.run]) {
      expectEnvelope(await send({}), 400, 'malformed_json');
    }
  });
});

describe('a body of another kind', () => {
  it.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/xml',
    'application/jsonx',
    'application/json-patch+json',
    'nonsense',
  ])('%s: 415', async (type) => {
    const payload = JSON.stringify(aRegistration());
    for (const send of [kit.register, kit.run]) {
      const answer = await send({ payload, headers: { 'content-type': type } });
      expect(expectEnvelope(answer, 415, 'unsupported_media_type')).toBeUndefined();
    }
  });

  it.each(['gzip', 'br', 'deflate', 'identity, gzip'])('encoded as %s: 415', async (encoding) => {
    for (const [send, body] of [
      [kit.register, aRegistration()],
      [kit.run, TASK],
    ] as const) {
      const answer = await send({ body, headers: { 'content-encoding': encoding } });
      expectEnvelope(answer, 415, 'unsupported_media_type');
    }
  });

  it('is taken as JSON with a charset, and as identity', async () => {
    const { call } = await aService();
    const headers = {
      'content-type': 'application/json; charset=utf-8',
      'content-encoding': 'identity',
    };
    const payload = JSON.stringify(aRegistration());
    expect((await call('POST', '/v1/agents', { payload, headers })).status).toBe(201);
  });
});

describe('a body over the limit', () => {
  it('is refused: 413; one at the limit is read', async () => {
    const empty = JSON.stringify({ ...TASK, parameters: { text: '' } });
    const sized = (bytes: number) =>
      JSON.stringify({ ...TASK, parameters: { text: 'x'.repeat(bytes - empty.length) } });
    const over = sized(1_048_577);
    for (const send of [kit.register, kit.run]) {
      expectEnvelope(await send({ payload: over }), 413, 'body_too_large');
    }
    const atLimit = await kit.call('POST', '/v1/agents/x/run', { payload: sized(1_048_576) });
    expectEnvelope(atLimit, 404, 'agent_not_found');
  });

  it('keeps to BODY_LIMIT', async () => {
    const { call } = await aService({ BODY_LIMIT: '1024' });
    const body = aRegistration({ metadata: { text: 'x'.repeat(1_024) } });
    expectEnvelope(await call('POST', '/v1/agents', { body }), 413, 'body_too_large');
  });
});

describe('a registration that is well-formed but invalid: 422, naming each path', () => {
  const long = 'x'.repeat(10_000);
  const endpoints = [
    'ftp://127.0.0.1/x',
    'http://user@127.0.0.1/',
    'http://user:word@127.0.0.1/',
    'http://:word@127.0.0.1/',
    '127.0.0.1:9000',
    '/tasks',
    'http://',
    'http:///',
    'http://a b/',
    ' http://127.0.0.1/',
    'http://127.0.0.1/\r\nx: y',
    'http://127.0.0.1/#part',
    'http://127.0.0.1:99999/',
    'javascript:alert(1)',
    'file:///etc/passwd',
    `http://127.0.0.1/${long}`,
    '',
  ];
  const cases: [string, unknown, string[]][] = [
    ['nothing in it', {}, ['/agentName', '/contactEndpoint', '/version']],
    ['an array', [], ['']],
    ['text', 'text', ['']],
    ['null', null, ['']],
    [
      'a wrong type everywhere',
      { agentName: 5, version: 1.5, contactEndpoint: {}, capabilities: 'a', metadata: [] },
      ['/agentName', '/capabilities', '/contactEndpoint', '/metadata', '/version'],
    ],
    [
      'null where something is required',
      { agentName: null, version: null, contactEndpoint: null },
      ['/agentName', '/contactEndpoint', '/version'],
    ],
    [
      'numbers that look like text',
      aRegistration({ agentName: 7, version: 1 }),
      ['/agentName', '/version'],
    ],
    ['a boolean for a name', aRegistration({ agentName: true }), ['/agentName']],
    ['an empty agentName', aRegistration({ agentName: '' }), ['/agentName']],
    ['an agentName of 10,000 characters', aRegistration({ agentName: long }), ['/agentName']],
    ['a line break in agentName', aRegistration({ agentName: 'a\nb' }), ['/agentName']],
    ['a NUL in agentName', aRegistration({ agentName: 'a\0' }), ['/agentName']],
    ['half a character in agentName', aRegistration({ agentName: '\ud800' }), ['/agentName']],
    ['an empty version', aRegistration({ version: '' }), ['/version']],
    ['a long version', aRegistration({ version: long }), ['/version']],
    ...endpoints.map((contactEndpoint): [string, unknown, string[]] => [
      `contactEndpoint ${JSON.stringify(contactEndpoint).slice(0, 60)}`,
      aRegistration({ contactEndpoint }),
      ['/contactEndpoint'],
    ]),
    ['capabilities that are no list', aRegistration({ capabilities: {} }), ['/capabilities']],
    [
      'capabilities that are no texts',
      aRegistration({ capabilities: ['a', 5, null, ''] }),
      ['/capabilities/1', '/capabilities/2', '/capabilities/3'],
    ],
    [
      '101 capabilities',
      aRegistration({ capabilities: Array<string>(101).fill('a') }),
      ['/capabilities'],
    ],
    ['metadata as an array', aRegistration({ metadata: [] }), ['/metadata']],
    ['metadata as text', aRegistration({ metadata: '{}' }), ['/metadata']],
    ['half a character in metadata', aRegistration({ metadata: { a: ['\udc00'] } }), ['/metadata']],
    ['half a character in a key', aRegistration({ metadata: { '\udc00': 1 } }), ['/metadata']],
  ];

  it.each(cases)('%s', async (_what, body, paths) => {
    for (const [method, url] of [
      ['POST', '/v1/agents/register'],
      ['POST', '/v1/agents'],
      ['PUT', '/v1/agents/register'],
    ] as const) {
      const found = expectEnvelope(await kit.call(method, url, { body }), 422, 'validation_failed');
      expect(found?.sort()).toEqual(paths);
    }
  });

  it('names at most 100 faults, however many there are', async () => {
    const capabilities = Array.from({ length: 100 }, () => 5);
    const body = { capabilities, agentName: 1, version: 2 };
    const paths = expectEnvelope(await kit.register({ body }), 422, 'validation_failed');
    expect(paths).toHaveLength(100);
  });
});

describe('a registration of a name that is taken', () => {
  it('is a conflict, and leaves the first as it was', async () => {
    const before = await kit.call('GET', `/v1/agents/${kit.agentId}`);
    const answer = await kit.register({
      body: aRegistration({ agentName: 'there already', version: '9' }),
    });
    expectEnvelope(answer, 409, 'agent_name_taken');
    expect(answer.body['message']).toContain('"there already"');
    expect((await kit.call('GET', `/v1/agents/${kit.agentId}`)).body).toEqual(before.body);
  });
});

describe('a task that is well-formed but invalid: 422, naming each path', () => {
  it.each<[string, unknown, string[]]>([
    ['nothing in it', {}, ['/task_name']],
    ['an array', [TASK], ['']],
    ['null', null, ['']],
    ['text', 'text', ['']],
    ['an empty name', { task_name: '' }, ['/task_name']],
    ['a number for a name', { task_name: 5 }, ['/task_name']],
    ['parameters as an array', { ...TASK, parameters: [] }, ['/parameters']],
    ['parameters as text', { ...TASK, parameters: '{}' }, ['/parameters']],
    [
      'a wrong type everywhere',
      { task_name: 1, parameters: 2, opscore_session_id: 3, opscore_task_id: 4 },
      ['/opscore_session_id', '/opscore_task_id', '/parameters', '/task_name'],
    ],
    ['a message without payload', { senderId: 'a', messageType: 'b' }, ['/payload']],
    ['a message with a list as payload', { ...MESSAGE, payload: [] }, ['/payload']],
    [
      'a message with a wrong type everywhere',
      { senderId: 1, messageType: 2, payload: 3, sessionContext: { taskId: 4, sessionId: 5 } },
      [
        '/messageType',
        '/payload',
        '/senderId',
        '/sessionContext/sessionId',
        '/sessionContext/taskId',
      ],
    ],
  ])('%s', async (_what, body, paths) => {
    const found = expectEnvelope(await kit.run({ body }), 422, 'validation_failed');
    expect(found?.sort()).toEqual(paths);
  });

  it.each(['', ' ', 'two words', 'ключ', 'a\tb', 'x'.repeat(256)])(
    'the Idempotency-Key %j',
    async (key) => {
      const answer = await kit.run({ body: TASK, headers: { 'idempotency-key': key } });
      const paths = expectEnvelope(answer, 422, 'validation_failed');
      expect(paths).toEqual(['/headers/idempotency-key']);
    },
  );
});

describe('a query that is invalid: 422, naming the parameter', () => {
  it.each([
    'limit=0',
    'limit=1001',
    'limit=abc',
    'limit=-1',
    'limit=1.5',
    'limit=1e2',
    'limit=0x10',
    'limit=true',
    'limit=',
    'limit=99999999999999999999',
    'limit=1&limit=2',
    'cursor=junk',
    'cursor=',
    'cursor=%00',
    `cursor=${'A'.repeat(201)}`,
    'cursor=a&cursor=b',
  ])('%s', async (query) => {
    const name = query.split('=', 1)[0] ?? '';
    for (const url of ['/v1/agents', `/v1/agents/${kit.agentId}/tasks`]) {
      const answer = await kit.call('GET', `${url}?${query}`);
      const paths = expectEnvelope(answer, 422, 'validation_failed');
      expect(paths).toEqual([`/querystring/${name}`]);
    }
  });

  it.each([
    ['/v1/agents?name=a&name=b', '/querystring/name'],
    ['/v1/agents?version=1&version=2', '/querystring/version'],
    ['/v1/agents?metadata_key=a&metadata_key=b', '/querystring/metadata_key'],
    ['/v1/agents?name=a&cursor=', '/querystring/cursor'],
    [`/v1/agents?name=a&cursor=${'A'.repeat(1_201)}`, '/querystring/cursor'],
    [
      `/v1/agents?name=a&cursor=${Buffer.from('a'.repeat(201)).toString('base64url')}`,
      '/querystring/cursor',
    ],
    ['/v1/agents/changes?since=junk', '/querystring/since'],
    ['/v1/agents/changes?since=', '/querystring/since'],
    ['/v1/agents/changes?limit=1001', '/querystring/limit'],
    [`/v1/agents?${Array(21).fill('capability=a').join('&')}`, '/querystring/capability'],
  ])('%s', async (url, path) => {
    const { call } = kit;
    expect(expectEnvelope(await call('GET', url), 422, 'validation_failed')).toEqual([path]);
  });

  it('a cursor of another list: names are no ids', async () => {
    const { call } = await aService();
    for (const agentName of ['a', 'b']) {
      await call('POST', '/v1/agents', { body: aRegistration({ agentName }) });
    }
    const page = await call('GET', '/v1/agents?name=&limit=1');
    const cursor = page.body['next_cursor'];
    expect(cursor).toEqual(expect.any(String));
    const answer = await call('GET', `/v1/agents?cursor=${String(cursor)}`);
    expect(expectEnvelope(answer, 422, 'validation_failed')).toEqual(['/querystring/cursor']);
  });

  it('status=unknown of a list of agents, naming those there are', async () => {
    const answer = await kit.call('GET', '/v1/agents?status=unknown');
    expect(expectEnvelope(answer, 422, 'validation_failed')).toEqual(['/querystring/status']);
    expect(JSON.stringify(answer.body)).toContain('online, unreachable, offline, deregistering');
  });

  it('state=unknown of a list of tasks, naming the states there are', async () => {
    const { call, agentId } = kit;
    const answer = await call('GET', `/v1/agents/${agentId}/tasks?state=unknown`);
    expect(expectEnvelope(answer, 422, 'validation_failed')).toEqual(['/querystring/state']);
    expect(JSON.stringify(answer.body)).toContain('scheduled, delivered, dead, cancelled');
  });
});

describe('what is not there: 404', () => {
  const NOBODY = '0197b7a0-0000-7000-8000-000000000000';
  const ids = [NOBODY, 'x', 'x'.repeat(200), 'x'.repeat(1_000), '%00', '%2e%2e%2f', '%F0%9F%9A%80'];

  it.each(ids)('an agent of the id %s', async (id) => {
    for (const [method, path, body] of [
      ['GET', '', undefined],
      ['DELETE', '', undefined],
      ['POST', '/heartbeat', undefined],
      ['GET', '/tasks', undefined],
      ['POST', '/run', TASK],
    ] as const) {
      const answer = await kit.call(method, `/v1/agents/${id}${path}`, { body });
      expectEnvelope(answer, 404, id.length > 200 ? 'not_found' : 'agent_not_found');
    }
  });

  it.each(ids)('a task of the id %s', async (id) => {
    const { call } = kit;
    for (const [method, path] of [
      ['GET', ''],
      ['POST', '/cancel'],
    ] as const) {
      const answer = await call(method, `/v1/tasks/${id}${path}`);
      expectEnvelope(answer, 404, id.length > 200 ? 'not_found' : 'task_not_found');
    }
  });

  it.each([
    ['GET', '/v1'],
    ['GET', '/v2/agents'],
    ['POST', '/register'],
    ['GET', '/v1//agents'],
    ['GET', '/v1/agents/a/b/c'],
    ['GET', '/.env'],
    ['PATCH', '/v1/agents'],
    ['PUT', '/v1/agents'],
    ['DELETE', '/v1/agents'],
    ['GET', '/v1/tasks'],
    ['GET', '/v1/tasks/x/cancel'],
    ['POST', '/health'],
  ])('a route or a method: %s %s', async (method, url) => {
    expectEnvelope(await kit.call(method, url), 404, 'not_found');
  });

  it('the answer does not repeat a query, which may hold what is secret', async () => {
    const { call } = kit;
    expect(JSON.stringify((await call('GET', '/nowhere?key=hunter2')).body)).not.toContain(
      'hunter2',
    );
  });
});

it.each(['/v1/agents/%zz', '/v1/agents/%', '/v1/agents/%E0%A4%A', '/%ff'])(
  'a path that does not decode is malformed: %s',
  async (url) => {
    const { call } = kit;
    expectEnvelope(await call('GET', url), 400, 'bad_request');
  },
);

it('a body is checked as well where none is wanted', async () => {
  const url = `/v1/agents/${kit.agentId}`;
  const broken = { payload: '{', headers: { 'content-type': 'application/json' } };
  expectEnvelope(await kit.call('DELETE', url, broken), 400, 'malformed_json');
  const text = { payload: 'x', headers: { 'content-type': 'text/plain' } };
  expectEnvelope(await kit.call('DELETE', url, text), 415, 'unsupported_media_type');
  expectEnvelope(await kit.call('POST', `${url}/heartbeat`, broken), 400, 'malformed_json');
});
