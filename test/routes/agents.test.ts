import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anyObject } from '../helpers/any-text.ts';
import { anAgent } from '../helpers/records.ts';
import { insertAgent } from '../helpers/store.ts';
import { aRegistration, aService, type Answer } from '../helpers/service.ts';

const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

const dataOf = ({ body }: Answer) => body['data'] as Record<string, unknown>;
const listOf = ({ body }: Answer) => body['data'] as Record<string, unknown>[];
const without = (record: Record<string, unknown>, ...keys: string[]) =>
  Object.fromEntries(Object.entries(record).filter(([key]) => !keys.includes(key)));

describe('registering', () => {
  it.each(['/v1/agents/register', '/v1/agents'])('by POST %s: 201 with the agent', async (url) => {
    const { call } = await aService();
    const answer = await call('POST', url, {
      body: aRegistration({ capabilities: ['summarize'], metadata: { team: 'docs' } }),
    });
    expect(answer.status).toBe(201);
    const agent = dataOf(answer);
    expect(agent).toEqual({
      agentId: expect.stringMatching(UUID_V7) as string,
      agentName: 'summarizer',
      version: '1.0.0',
      capabilities: ['summarize'],
      contactEndpoint: 'http://127.0.0.1:9000/tasks',
      metadata: { team: 'docs' },
      registrationTime: expect.stringMatching(ISO) as string,
      updatedAt: agent['registrationTime'],
      lastSeenAt: agent['registrationTime'],
      status: 'online',
      leaseSeconds: null,
      leaseExpiresAt: null,
      pausedAt: null,
      revision: expect.any(Number) as number,
      agentToken: expect.stringMatching(/^agt_[A-Za-z0-9_-]{43}_[0-9a-f]{8}$/) as string,
      signingSecret: expect.stringMatching(/^whsec_[A-Za-z0-9+/]{43}=$/) as string,
    });
    expect(answer.body).toMatchObject({ status: 'success', message: 'Agent registered.' });
    expect(answer.headers['location']).toBe(`/v1/agents/${String(agent['agentId'])}`);
  });

  it('gives each agent secrets of its own, and shows them in no other answer', async () => {
    const { call } = await aService();
    const first = dataOf(await call('POST', '/v1/agents', { body: aRegistration() }));
    const second = dataOf(
      await call('POST', '/v1/agents', { body: aRegistration({ agentName: 'b' }) }),
    );
    expect(first['signingSecret']).not.toBe(second['signingSecret']);
    expect(first['agentToken']).not.toBe(second['agentToken']);
    const url = `/v1/agents/${String(first['agentId'])}`;
    for (const answer of [
      await call('GET', url),
      await call('GET', '/v1/agents'),
      await call('POST', `${url}/heartbeat`),
      await call('DELETE', url),
    ]) {
      expect(JSON.stringify(answer.body)).not.toMatch(/signingSecret|whsec_|agentToken|agt_/);
    }
  });

  it('takes null for what is not given, and ignores what it does not know', async () => {
    const { call } = await aService();
    const body = aRegistration({ capabilities: null, metadata: null, unknown: 1, agentId: 'mine' });
    const agent = dataOf(await call('POST', '/v1/agents', { body }));
    expect(agent).toMatchObject({ capabilities: [], metadata: {} });
    expect(agent['agentId']).not.toBe('mine');
    expect(agent).not.toHaveProperty('unknown');
  });

  it('takes a host name that does not resolve yet', async () => {
    const { call } = await aService();
    const body = aRegistration({ contactEndpoint: 'http://not-there-yet.invalid/tasks' });
    expect((await call('POST', '/v1/agents', { body })).status).toBe(201);
  });

  it('takes names of any script, up to 200 characters', async () => {
    const { call } = await aService();
    for (const agentName of ['Zoë 🚀', 'агент', 'x'.repeat(200), ' ']) {
      const answer = await call('POST', '/v1/agents', { body: aRegistration({ agentName }) });
      expect(dataOf(answer)['agentName']).toBe(agentName);
    }
  });

  it('gives any metadata back whole, at once and later', async () => {
    const { call } = await aService();
    let count = 0;
    await fc.assert(
      fc.asyncProperty(anyObject, async (metadata) => {
        count += 1;
        const body = aRegistration({ agentName: `a${count}`, metadata });
        const registered = dataOf(await call('POST', '/v1/agents', { body }));
        const got = dataOf(await call('GET', `/v1/agents/${String(registered['agentId'])}`));
        for (const answer of [registered, got]) {
          expect(JSON.stringify(answer['metadata'])).toBe(JSON.stringify(metadata));
        }
      }),
      { numRuns: 40 },
    );
  });
});

describe('registering again by PUT', () => {
  it('creates a new name: 201', async () => {
    const { call } = await aService();
    const answer = await call('PUT', '/v1/agents/register', { body: aRegistration() });
    expect(answer.status).toBe(201);
    expect(dataOf(answer)).toHaveProperty('signingSecret');
  });

  it('keeps id, secret and registration time of one that is there: 200', async () => {
    const { call } = await aService();
    const first = dataOf(await call('POST', '/v1/agents', { body: aRegistration() }));
    const answer = await call('PUT', '/v1/agents/register', {
      body: aRegistration({ version: '2.0.0', contactEndpoint: 'http://127.0.0.1:9001/moved' }),
    });
    expect(answer.status).toBe(200);
    const fields = ['version', 'contactEndpoint', 'updatedAt', 'lastSeenAt', 'revision'];
    // Whoever registers an agent again gets a new token for it: a restarted agent has lost its own.
    const changing = [...fields, 'agentToken'];
    expect(without(dataOf(answer), ...changing)).toEqual(without(first, ...changing));
    expect(dataOf(answer)).toMatchObject({
      version: '2.0.0',
      contactEndpoint: 'http://127.0.0.1:9001/moved',
    });
  });

  it('twice with the same is the same', async () => {
    const { call } = await aService();
    const put = () => call('PUT', '/v1/agents/register', { body: aRegistration() });
    const first = dataOf(await put());
    const changing = ['lastSeenAt', 'agentToken'];
    expect(without(dataOf(await put()), ...changing)).toEqual(without(first, ...changing));
    expect(listOf(await call('GET', '/v1/agents'))).toHaveLength(1);
  });
});

describe('the list of agents', () => {
  it('goes page by page through all of them', async () => {
    const { call } = await aService();
    for (let i = 0; i < 5; i += 1) {
      await call('POST', '/v1/agents', { body: aRegistration({ agentName: `agent ${i}` }) });
    }
    const names: unknown[] = [];
    let cursor: string | null = null;
    do {
      const page: Answer = await call(
        'GET',
        `/v1/agents?limit=2${cursor === null ? '' : `&cursor=${cursor}`}`,
      );
      names.push(...listOf(page).map(({ agentName }) => agentName));
      cursor = page.body['next_cursor'] as string | null;
    } while (cursor !== null);
    expect(names).toEqual(['agent 0', 'agent 1', 'agent 2', 'agent 3', 'agent 4']);
  });

  it('goes page by page through names of any length and script', async () => {
    const { call } = await aService();
    const all = ['🚀'.repeat(100), `${'🚀'.repeat(99)}ü`, 'a'.repeat(200), 'a'];
    for (const agentName of all) {
      await call('POST', '/v1/agents', { body: aRegistration({ agentName }) });
    }
    for (const prefix of ['', '🚀', 'a']) {
      const names: unknown[] = [];
      let cursor: string | null = null;
      do {
        const page: Answer = await call(
          'GET',
          `/v1/agents?name=${encodeURIComponent(prefix)}&limit=1${cursor === null ? '' : `&cursor=${cursor}`}`,
        );
        expect(page.status).toBe(200);
        names.push(...listOf(page).map(({ agentName }) => agentName));
        cursor = page.body['next_cursor'] as string | null;
      } while (cursor !== null);
      expect(names.sort()).toEqual(all.filter((name) => name.startsWith(prefix)).sort());
    }
  });

  it('asked without a limit shows 1,000: the poller of Ops-Core asks so', async () => {
    const { call, service } = await aService();
    const agents = Array.from({ length: 1_001 }, () => anAgent());
    await Promise.all(agents.map((agent) => insertAgent(service.store, agent)));
    const page = await call('GET', '/v1/agents');
    expect(listOf(page)).toHaveLength(1_000);
    expect(page.body['next_cursor']).not.toBeNull();
  });

  it('is filtered by capability, beginning of the name, version, status and key of the metadata', async () => {
    const { call } = await aService();
    const register = (changes: Record<string, unknown>) =>
      call('POST', '/v1/agents', { body: aRegistration(changes) });
    await register({ agentName: 'a', version: '1', capabilities: ['x', 'y'] });
    await register({ agentName: 'b & c', version: '1', capabilities: ['x'] });
    await register({ agentName: '5', version: '2', metadata: { team: 'docs' } });
    await register({ agentName: 'bc', version: '3' });
    const names = async (query: string) =>
      listOf(await call('GET', `/v1/agents?${query}`)).map(({ agentName }) => agentName);
    expect(await names('capability=x')).toEqual(['a', 'b & c']);
    expect(await names('capability=x&capability=y')).toEqual(['a']);
    expect(await names('name=b%20%26%20c')).toEqual(['b & c']);
    // The beginning of a name is enough, and the page then goes by name.
    expect(await names('name=b')).toEqual(['b & c', 'bc']);
    expect(await names('name=5')).toEqual(['5']);
    expect(await names('name=%25')).toEqual([]);
    expect(await names('metadata_key=team')).toEqual(['5']);
    expect(await names('metadata_key=docs')).toEqual([]);
    expect(await names('version=1&capability=y')).toEqual(['a']);
    expect(await names('status=online')).toHaveLength(4);
    expect(await names('status=offline')).toEqual([]);
    expect(await names('unknown=1')).toHaveLength(4);
  });
});

describe('an agent', () => {
  async function registered() {
    const kit = await aService();
    const agent = dataOf(await kit.call('POST', '/v1/agents', { body: aRegistration() }));
    return { ...kit, agent, url: `/v1/agents/${String(agent['agentId'])}` };
  }

  it('is shown as it was registered', async () => {
    const { call, agent, url } = await registered();
    const answer = await call('GET', url);
    expect(answer.status).toBe(200);
    expect(dataOf(answer)).toEqual(without(agent, 'signingSecret', 'agentToken'));
  });

  it('that gives a sign of life was seen since', async () => {
    const { call, agent, url } = await registered();
    const answer = await call('POST', `${url}/heartbeat`);
    expect(answer.status).toBe(200);
    expect(dataOf(answer)['lastSeenAt']).toMatch(ISO);
    expect(Date.parse(String(dataOf(answer)['lastSeenAt']))).toBeGreaterThanOrEqual(
      Date.parse(String(agent['lastSeenAt'])),
    );
    expect(dataOf(answer)['updatedAt']).toBe(agent['updatedAt']);
  });

  it('that leaves is answered with for the last time: 200, then 404, and its name is free', async () => {
    const { call, agent, url } = await registered();
    const gone = await call('DELETE', url);
    expect(gone.status).toBe(200);
    expect(dataOf(gone)).toEqual(without(agent, 'signingSecret', 'agentToken'));
    expect((await call('DELETE', url)).status).toBe(404);
    expect((await call('GET', url)).status).toBe(404);
    expect(listOf(await call('GET', '/v1/agents'))).toEqual([]);
    expect((await call('POST', '/v1/agents', { body: aRegistration() })).status).toBe(201);
  });
});
