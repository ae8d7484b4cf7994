import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { aSecret } from '../helpers/secrets.ts';
import { credentials, EXPECTED, type Credential } from './helpers/access-table.ts';
import type { CallOptions } from './helpers/http.ts';
import { anAgent, startService, type RegisteredAgent, type Running } from './helpers/service.ts';

const KEYS = {
  admin: aSecret('AGENTKIT_API_KEYS'),
  dispatch: aSecret('AGENTKIT_API_KEYS'),
  read: aSecret('AGENTKIT_API_KEYS'),
  register: aSecret('AGENTKIT_API_KEYS'),
  owner: aSecret('AGENTKIT_API_KEYS'),
};

const API_KEYS = [
  `boss:admin:${KEYS.admin}`,
  `opscore:dispatch:${KEYS.dispatch}`,
  `monitor:read:${KEYS.read}`,
  `others:register:${KEYS.register}`,
  `fleet:register:${KEYS.owner}`,
].join(',');

interface Operation {
  readonly responses: Readonly<Record<string, unknown>>;
  readonly security?: unknown;
  readonly 'x-scopes'?: readonly string[];
  readonly 'x-agent-token'?: boolean;
}

/** What a request is about: new objects for each one, since some requests end them. */
interface Scene {
  readonly agent: RegisteredAgent;
  readonly other: RegisteredAgent;
  readonly taskId: string;
  /** One that was stopped: stopping it again is in order. */
  readonly replayId: string;
  readonly keyName: string;
}

let service: Running;
let operations: ReadonlyMap<string, Operation>;
let keyCount = 0;

beforeAll(async () => {
  service = await startService(
    {
      AGENTKIT_API_KEYS: API_KEYS,
      TASK_RETRY_SCHEDULE: '1h',
      RATE_LIMIT: '1000000',
      // Nobody is there: what a ping says of it is an answer as well.
      OPSCORE_WEBHOOK_URL: 'http://127.0.0.1:9/',
      OPSCORE_WEBHOOK_SECRET: aSecret('OPSCORE_WEBHOOK_SECRET'),
      WEBHOOK_RETRY_SCHEDULE: '1h',
    },
    { shared: true },
  );
  const document = (await service.call('GET', '/openapi.json')).json as unknown as {
    readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  };
  operations = new Map(
    Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => [
        `${method.toUpperCase()} ${path}`,
        operation,
      ]),
    ),
  );
});

afterAll(() => service.stop());

async function scene(): Promise<Scene> {
  const agent = await service.register({}, KEYS.owner);
  const other = await service.register({}, KEYS.owner);
  const task = await service.call('POST', `/v1/agents/${agent.agentId}/run`, {
    token: KEYS.dispatch,
    body: { task_name: 't' },
  });
  keyCount += 1;
  const keyName = `key-${keyCount}`;
  await service.call('POST', '/v1/keys', {
    token: KEYS.admin,
    body: { name: keyName, scope: 'read' },
  });
  const replayId = await stoppedReplay();
  const { taskId } = task.json.data as { taskId: string };
  return { agent, other, taskId, replayId, keyName };
}

async function stoppedReplay(): Promise<string> {
  const { replays } = service.service.store;
  const replay = { id: uuidv7(), filter: {}, createdAt: Date.now(), createdBy: null, total: 0 };
  const { id } = await replays.insert(replay);
  await replays.cancel(id, Date.now());
  return id;
}

function tokenOf(credential: Credential, { agent, other }: Scene): string | undefined {
  if (credential === 'none') return undefined;
  if (credential === 'wrong') return 'a-key-that-nobody-has';
  if (credential === 'ownToken') return agent.agentToken;
  if (credential === 'otherToken') return other.agentToken;
  return KEYS[credential];
}

function bodyOf(route: string, { agent }: Scene): CallOptions {
  switch (route) {
    case 'POST /v1/agents':
    case 'POST /v1/agents/register':
      return { body: anAgent() };
    case 'PUT /v1/agents/register':
      return { body: anAgent({ agentName: agent.agentName }) };
    case 'PATCH /v1/agents/{agent_id}':
      return { body: { version: '2.0.0' } };
    case 'POST /v1/agents/{agent_id}/run':
      return { body: { task_name: 't' } };
    case 'POST /v1/replays':
      return { body: { filter: { agentId: agent.agentId } } };
    case 'POST /v1/keys':
      return { body: { name: `made-${(keyCount += 1)}`, scope: 'read' } };
    case 'POST /v1/agents/{agent_id}/signing-secret/rotate':
    case 'POST /v1/keys/{key_name}/rotate':
      return { body: {} };
    default:
      return {};
  }
}

async function ask(route: string, credential: Credential): Promise<number> {
  const made = await scene();
  const [method = '', template = ''] = route.split(' ');
  const path = template
    .replace('{agent_id}', made.agent.agentId)
    .replace('{task_id}', made.taskId)
    .replace('{delivery_id}', made.taskId)
    .replace('{replay_id}', made.replayId)
    .replace('{key_name}', made.keyName);
  const answer = await service.call(method, path, {
    token: tokenOf(credential, made),
    ...bodyOf(route, made),
  });
  return answer.status;
}

describe('the access table', () => {
  it('names exactly the routes of the OpenAPI document', () => {
    expect([...operations.keys()].sort()).toEqual(Object.keys(EXPECTED).sort());
  });

  it.each(Object.entries(EXPECTED))(
    '%s gives each credential its status',
    async (route, wanted) => {
      const got: Record<string, number> = {};
      for (const credential of credentials) got[credential] = await ask(route, credential);
      expect(got).toEqual(wanted);
      const documented = Object.keys(operations.get(route)?.responses ?? {}).map(Number);
      expect(documented).toEqual(expect.arrayContaining([...new Set(Object.values(wanted))]));
    },
  );

  it.each(Object.entries(EXPECTED))('%s is declared in the document as it is', (route, wanted) => {
    const operation = operations.get(route);
    if (wanted.none !== 401) {
      expect(operation?.security).toBeUndefined();
      expect(operation?.['x-scopes']).toBeUndefined();
      return;
    }
    // A register key is let in by its scope; whether the agent is its own the route looks up.
    const { admin, dispatch, read, owner: register } = wanted;
    const passing = Object.entries({ admin, dispatch, register, read })
      .filter(([, status]) => status < 300)
      .map(([scope]) => scope);
    expect([...(operation?.['x-scopes'] ?? [])].sort()).toEqual(passing.sort());
    expect(operation?.['x-agent-token']).toBe(wanted.ownToken < 300);
    expect(operation?.security).toEqual([{ bearer: [] }]);
  });

  it.each(Object.entries(EXPECTED).filter(([route]) => route.startsWith('GET ')))(
    'HEAD asks for the same as %s',
    async (route, wanted) => {
      const { agent, taskId, replayId } = await scene();
      const path = route
        .slice('GET '.length)
        .replace('{agent_id}', agent.agentId)
        .replace('{task_id}', taskId)
        .replace('{delivery_id}', taskId)
        .replace('{replay_id}', replayId);
      const { status } = await service.call('HEAD', path);
      expect(status).toBe(wanted.none);
    },
  );

  it('is not got around by another spelling of the path', async () => {
    const spellings = [
      '/v1/keys/',
      '//v1/keys',
      '/v1//keys',
      '/V1/KEYS',
      '/v1/./keys',
      '/v1/%6beys',
    ];
    for (const path of spellings) {
      const { status } = await service.call('GET', path);
      expect([401, 404], `${path}: ${status}`).toContain(status);
    }
  });
});
