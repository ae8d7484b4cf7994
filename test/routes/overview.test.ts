import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../helpers/eventually.ts';
import { httpReceiver } from '../helpers/http-receiver.ts';
import { aSecret } from '../helpers/secrets.ts';
import { startService, type Running } from '../security/helpers/service.ts';

const KEY = aSecret('AGENTKIT_API_KEYS');
const READ = aSecret('AGENTKIT_API_KEYS');

let service: Running;
beforeAll(async () => {
  service = await startService(
    {
      AGENTKIT_API_KEYS: `ops:admin:${KEY},monitor:read:${READ}`,
      TASK_RETRY_SCHEDULE: '1h',
    },
    { shared: true },
  );
});
afterAll(() => service.stop());

interface Overview {
  readonly rates: Record<'accepted' | 'delivered' | 'failed', number[]>;
  readonly kinds: { kind: string; pending: { count: number } }[];
  readonly failing: object[];
  readonly agents: Record<string, { count: number }>;
}

async function overview(): Promise<Overview> {
  return (await service.call('GET', '/v1/overview', { token: READ })).json.data as Overview;
}

const total = (counts: readonly number[]) => counts.reduce((sum, count) => sum + count, 0);

/** A stream of events as a client has it. */
async function events(token: string) {
  const controller = new AbortController();
  const response = await fetch(`${service.url}/v1/events`, {
    headers: { authorization: `Bearer ${token}` },
    signal: controller.signal,
  });
  return { response, close: () => controller.abort() };
}

describe('GET /v1/overview', () => {
  it('tells what was accepted, what fails and why, and who is there', async () => {
    const failing = await httpReceiver((response) => response.writeHead(503).end());
    const { agentId } = await service.register({ contactEndpoint: failing.url }, KEY);
    await service.call('POST', `/v1/agents/${agentId}/run`, {
      token: KEY,
      body: { task_name: 't' },
    });
    // What was looked at is up to two seconds old.
    await eventually(async () => (await overview()).failing.length > 0);
    const { rates, kinds, failing: faults, agents } = await overview();
    expect(total(rates.accepted)).toBe(1);
    expect(total(rates.failed)).toBe(1);
    expect(total(rates.delivered)).toBe(0);
    expect(kinds.find(({ kind }) => kind === 'task')?.pending.count).toBe(1);
    expect(faults).toEqual([
      expect.objectContaining({
        kind: 'task',
        state: 'scheduled',
        errorClass: 'http_status',
        lastError: 'http_503',
        count: 1,
        more: false,
      }),
    ]);
    expect(agents['online']?.count).toBe(1);
  });
});

describe('GET /v1/events', () => {
  it('sends the same, as server-sent events that no proxy keeps', async () => {
    const { response, close } = await events(READ);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(response.headers.get('x-accel-buffering')).toBe('no');
    let text = '';
    for await (const chunk of response.body ?? []) {
      text += Buffer.from(chunk).toString();
      if (text.includes('\n\n')) break;
    }
    const data = /^event: overview\ndata: (.*)\n\n/.exec(text)?.[1] ?? '{}';
    expect(JSON.parse(data)).toMatchObject({ agents: (await overview()).agents });
    close();
  });

  it('ends when the key was revoked', async () => {
    const made = await service.call('POST', '/v1/keys', {
      token: KEY,
      body: { name: 'night', scope: 'read' },
    });
    const { response } = await events((made.json.data as { key: string }).key);
    await service.call('DELETE', '/v1/keys/night', { token: KEY });
    // Whole: the end is no error for whoever reads.
    expect(await response.text()).toContain('event: overview');
  });

  it('refuses the one too many', async () => {
    const opened = await Promise.all(Array.from({ length: 33 }, () => events(READ)));
    const statuses = opened.map(({ response }) => response.status).sort();
    expect(statuses.filter((status) => status === 200)).toHaveLength(32);
    const refused = opened.find(({ response }) => response.status === 429)?.response;
    expect(refused?.headers.get('retry-after')).toBe('10');
    expect(await refused?.json()).toMatchObject({ error_code: 'too_many_streams' });
    for (const { close } of opened) close();
  });

  it('does not hold up the shutdown', async () => {
    const other = await startService();
    const response = await fetch(`${other.url}/v1/events`);
    await other.stop();
    expect(await response.text()).toContain('event: overview');
  });
});

describe('GET /v1/whoami', () => {
  const who = async (token: string) =>
    (await service.call('GET', '/v1/whoami', { token })).json.data;

  it('tells a key its name and scope, and an agent its id', async () => {
    expect(await who(READ)).toEqual({
      kind: 'key',
      name: 'monitor',
      scope: 'read',
      agentId: null,
    });
    const { agentId, agentToken } = await service.register({}, KEY);
    expect(await who(agentToken)).toEqual({ kind: 'agent', name: null, scope: null, agentId });
  });
});
