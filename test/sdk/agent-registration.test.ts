import { afterEach, describe, expect, it, vi } from 'vitest';
import { createAgent } from '../../src/sdk/index.ts';
import { eventually } from './helpers/eventually.ts';
import { cleanupAfterEach, closeLater, gate, startWorld } from './helpers/agents.ts';
import { dispatchTask } from './helpers/dispatch.ts';
import {
  AGENT_ID,
  refuse,
  REGISTER_KEY,
  registered,
  startFakeService,
} from './helpers/fake-service.ts';
import { closedUrl } from './helpers/http-server.ts';

cleanupAfterEach();
afterEach(() => void vi.unstubAllEnvs());

describe('createAgent registers', () => {
  it('with what it was given, at the address it listens on, and then reports idle', async () => {
    const world = await startWorld();
    const agent = await world.agent({ capabilities: ['echo'], metadata: { a: { b: 'ü' } } });
    expect(agent.agentId).toBe(AGENT_ID);
    expect(agent.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/$/);
    expect(world.service.registrations()).toEqual([
      {
        agentName: 'echo',
        version: '1.0.0',
        contactEndpoint: agent.url,
        capabilities: ['echo'],
        metadata: { a: { b: 'ü' } },
        leaseSeconds: 30,
      },
    ]);
    await eventually(() => {
      expect(world.opscore.accepted).toMatchObject([{ agentId: AGENT_ID, state: 'idle' }]);
    });
  });

  it('with the contactEndpoint it was told, and the API key of the environment', async () => {
    vi.stubEnv('AGENTKIT_API_KEY', REGISTER_KEY);
    const world = await startWorld();
    await world.agent({ contactEndpoint: 'https://agents.example/echo?x=1' });
    expect(world.service.registrations()[0]).toMatchObject({
      contactEndpoint: 'https://agents.example/echo?x=1',
    });
    expect(world.service.received[0]?.headers.authorization).toBe(`Bearer ${REGISTER_KEY}`);
  });

  it('until the service is there: after 503, 429, an error page and a reset', async () => {
    const world = await startWorld({
      service: {
        register: (n, { socket }, response) => {
          if (n === 1) refuse(response, 503, 'draining');
          else if (n === 2) refuse(response, 429, 'rate_limited', { 'retry-after': '0' });
          else if (n === 3) response.writeHead(502).end('<html>');
          else if (n === 4) socket.resetAndDestroy();
          else registered(response);
        },
      },
    });
    await world.agent();
    expect(world.service.registrations()).toHaveLength(5);
    expect(world.log.filter((line) => line.includes('not registered, again in'))).toHaveLength(4);
  });

  it.each([
    [401, 'unauthorized'],
    [403, 'forbidden'],
    [409, 'agent_name_taken'],
    [422, 'validation_failed'],
  ])(
    'and rejects at once when the service answers %i, and listens no more',
    async (status, code) => {
      let endpoint = '';
      const world = await startWorld({
        service: {
          register: (_n, request, response) => {
            endpoint = (JSON.parse(request.body) as { contactEndpoint: string }).contactEndpoint;
            refuse(response, status, code);
          },
        },
      });
      await expect(world.agent()).rejects.toMatchObject({ code, statusCode: status });
      expect(world.service.received).toHaveLength(1);
      await expect(fetch(endpoint)).rejects.toThrow();
    },
  );

  it('and rejects when the answer has no signing secret, unless it is not to verify', async () => {
    const register = (
      _n: number,
      _request: unknown,
      response: Parameters<typeof registered>[0],
    ) => {
      registered(response, { signingSecret: '' });
    };
    const world = await startWorld({ service: { register } });
    await expect(world.agent()).rejects.toMatchObject({ code: 'invalid_response' });
    expect((await world.agent({ verify: false })).agentId).toBe(AGENT_ID);
  });

  it('and gives up when its signal is aborted', async () => {
    const controller = new AbortController();
    const world = await startWorld();
    const start = world.agent({
      baseUrl: await closedUrl(),
      registerDelaysMs: [3_600_000],
      signal: controller.signal,
    });
    await eventually(() => {
      expect(world.log.join()).toContain('not registered, again in');
    });
    controller.abort();
    await expect(start).rejects.toMatchObject({ code: 'aborted' });
  });

  it('and holds a dispatch that overtakes the answer, until it knows the secret', async () => {
    const answer = gate();
    const dispatched: Promise<{ status: number }>[] = [];
    const world = await startWorld({
      service: {
        register: (_n, request, response) => {
          const body = JSON.parse(request.body) as { contactEndpoint: string };
          dispatched.push(dispatchTask(body.contactEndpoint, 'echo'));
          void answer.opened.then(() => {
            registered(response);
          });
        },
      },
    });
    const start = world.agent();
    await eventually(() => {
      expect(dispatched).toHaveLength(1);
    });
    answer.open();
    await start;
    expect((await dispatched[0])?.status).toBe(202);
    await eventually(() => {
      expect(world.opscore.states()).toEqual(['idle', 'active', 'finished', 'idle']);
    });
  });

  it('and answers 503 to a dispatch that it held for too long', async () => {
    const controller = new AbortController();
    const world = await startWorld({ service: { register: () => undefined } });
    const start = world.agent({
      signal: controller.signal,
      clock: { now: () => Date.now(), random: () => 0, sleep: async () => undefined },
    });
    await eventually(() => {
      expect(world.service.registrations()).toHaveLength(1);
    });
    const url = String(world.service.registrations()[0]?.['contactEndpoint']);
    const answer = await dispatchTask(url, 'echo');
    expect(answer).toMatchObject({ status: 503, body: { error_code: 'not_registered' } });
    expect(answer.headers.get('retry-after')).toBe('1');
    controller.abort();
    await expect(start).rejects.toMatchObject({ code: 'aborted' });
  });
});

describe('createAgent', () => {
  it('works without Ops-Core, and says so once', async () => {
    vi.stubEnv('OPSCORE_API_URL', '');
    vi.stubEnv('OPSCORE_API_KEY', '');
    const service = closeLater(await startFakeService());
    const lines: string[] = [];
    const note = (line: string): void => void lines.push(line);
    const ran = gate();
    const agent = closeLater(
      await createAgent({
        name: 'quiet',
        version: '1',
        tasks: () => {
          ran.open();
        },
        baseUrl: service.url,
        handleSignals: false,
        logger: { info: note, warn: note, error: note },
      }),
    );
    expect((await dispatchTask(agent.url, 'anything')).status).toBe(202);
    await ran.opened;
    expect(lines.filter((line) => line.includes('OPSCORE_API_URL'))).toHaveLength(1);
  });

  it.each([
    [{ name: '' }, /^name must/],
    [{ version: 1 as never }, /^version must/],
    [{ tasks: { a: 1 } as never }, /^tasks must/],
    [{ tasks: undefined as never }, /^tasks must/],
    [{ host: '0.0.0.0' }, /^contactEndpoint is needed with host 0.0.0.0/],
    [{ contactEndpoint: 'ftp://h/' }, /^contactEndpoint must/],
    [{ opscoreApiUrl: 'h:p' }, /^opscoreApiUrl \(OPSCORE_API_URL\) must/],
  ])('refuses options that cannot work before it starts: %j', async (options, message) => {
    const world = await startWorld();
    await expect(world.agent(options)).rejects.toMatchObject({
      code: 'invalid_argument',
      message: expect.stringMatching(message) as string,
    });
    expect(world.service.received).toEqual([]);
  });

  it('says listen_failed when its port is taken', async () => {
    const world = await startWorld();
    const port = Number(new URL(world.service.url).port);
    await expect(world.agent({ port })).rejects.toMatchObject({ code: 'listen_failed' });
  });
});
