import { inspect } from 'node:util';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { AgentKitError } from '../../src/sdk/index.ts';
import { reportStateToOpscore, type AgentState, type StateReport } from '../../src/sdk/index.ts';
import { cleanupAfterEach, closeLater } from './helpers/agents.ts';
import { OPSCORE_KEY, startFakeOpscore } from './helpers/fake-opscore.ts';
import { closedUrl, sendJson, startServer } from './helpers/http-server.ts';

cleanupAfterEach();
afterEach(() => void vi.unstubAllEnvs());

const NOW = Date.parse('2026-03-01T12:00:00.000Z');

/** Reports with a clock that notes how long it was to sleep, and does not. */
function reporter(opscoreApiUrl: string) {
  const slept: number[] = [];
  const clock = {
    now: () => NOW,
    random: () => 0.5,
    sleep: async (ms: number) => void slept.push(ms),
  };
  return {
    slept,
    report: (options: Partial<StateReport> = {}) =>
      reportStateToOpscore({
        agentId: 'a1',
        state: 'idle',
        opscoreApiUrl,
        opscoreApiKey: OPSCORE_KEY,
        ...options,
        retry: { clock, ...options.retry },
      }),
  };
}

async function failure(call: Promise<unknown>): Promise<AgentKitError> {
  try {
    await call;
  } catch (error) {
    expect(inspect(error, { depth: 9, showHidden: true })).not.toContain(OPSCORE_KEY);
    return error as AgentKitError;
  }
  throw new Error('It did not fail.');
}

/** Ops-Core answering these statuses, then 202. */
async function opscoreAnswering(...answers: [number, Record<string, string>?][]) {
  return closeLater(
    await startFakeOpscore((n, _request, response) => {
      const answer = answers[n - 1];
      if (answer !== undefined) sendJson(response, answer[0], { detail: 'no' }, answer[1]);
      return answer !== undefined;
    }),
  );
}

describe('reportStateToOpscore', () => {
  it('posts what contract section 5 says, to each spelling of the URL', async () => {
    const opscore = await opscoreAnswering();
    for (const suffix of ['', '/', '/v1', '/v1/']) {
      const { report } = reporter(opscore.url + suffix);
      expect(await report({ state: 'active', details: { a: 1 } })).toEqual({
        statusCode: 202,
        attempts: 1,
      });
    }
    expect(opscore.accepted).toHaveLength(4);
    expect(opscore.accepted[0]).toEqual({
      agentId: 'a1',
      timestamp: '2026-03-01T12:00:00.000Z',
      state: 'active',
      details: { a: 1 },
    });
    expect(opscore.received[0]?.headers['content-type']).toBe('application/json');
  });

  it('keeps a path prefix and takes 200 as well', async () => {
    const server = closeLater(await startServer((_request, response) => void response.end()));
    for (const suffix of ['/ops', '/ops/', '/ops/v1']) {
      const { report } = reporter(server.url + suffix);
      expect(await report()).toEqual({ statusCode: 200, attempts: 1 });
    }
    const paths = server.received.map(({ path }) => path);
    expect(new Set(paths)).toEqual(new Set(['/ops/v1/opscore/agent/a1/state']));
  });

  it('takes its settings from the environment', async () => {
    const opscore = await opscoreAnswering();
    vi.stubEnv('OPSCORE_API_URL', opscore.url);
    vi.stubEnv('OPSCORE_API_KEY', OPSCORE_KEY);
    await reportStateToOpscore({ agentId: 'a1', state: 'finished', timestamp: new Date(0) });
    expect(opscore.accepted).toEqual([
      { agentId: 'a1', timestamp: '1970-01-01T00:00:00.000Z', state: 'finished', details: {} },
    ]);
  });

  it('tries again after 404, as the report may overtake REGISTER', async () => {
    const opscore = await opscoreAnswering([404], [404]);
    const { report, slept } = reporter(opscore.url);
    expect(await report()).toEqual({ statusCode: 202, attempts: 3 });
    expect(slept).toEqual([250, 500]);
    expect(new Set(opscore.received.map(({ body }) => body)).size).toBe(1);
  });

  it.each([408, 425, 429, 500, 503])('tries again after %i', async (status) => {
    const { report } = reporter((await opscoreAnswering([status])).url);
    expect(await report()).toEqual({ statusCode: 202, attempts: 2 });
  });

  it('waits as long as Retry-After asks, in seconds or as a date', async () => {
    const date = new Date(NOW + 90_000).toUTCString();
    const opscore = await opscoreAnswering(
      [429, { 'retry-after': '7' }],
      [503, { 'retry-after': date }],
    );
    const { report, slept } = reporter(opscore.url);
    await report();
    expect(slept).toEqual([7_000, 90_000]);
  });

  it.each([
    [401, 'opscore_unauthorized'],
    [403, 'opscore_unauthorized'],
    [400, 'opscore_rejected'],
    [410, 'opscore_rejected'],
    [422, 'opscore_rejected'],
    [302, 'opscore_rejected'],
  ])('gives up at once on %i with code %s', async (status, code) => {
    const opscore = await opscoreAnswering([status, { location: '/elsewhere' }]);
    const { report, slept } = reporter(opscore.url);
    expect(await failure(report())).toMatchObject({ code, statusCode: status, attempts: 1 });
    expect([opscore.received.length, slept]).toEqual([1, []]);
  });

  it('does not give the key away when Ops-Core echoes it', async () => {
    const opscore = closeLater(
      await startFakeOpscore((_n, request, response) => {
        sendJson(response, 401, { detail: `not a key: ${request.headers.authorization ?? ''}` });
        return true;
      }),
    );
    const error = await failure(reporter(opscore.url).report());
    expect(error.body).toEqual({ detail: 'not a key: Bearer [redacted]' });
  });

  it.each([
    [404, 'opscore_agent_unknown'],
    [503, 'opscore_unavailable'],
  ])('gives up on %i when its list is used up, with code %s', async (status, code) => {
    const opscore = await opscoreAnswering([status], [status], [status]);
    const error = await failure(reporter(opscore.url).report({ retry: { delaysMs: [1, 2] } }));
    expect(error).toMatchObject({ code, statusCode: status, attempts: 3 });
  });

  it('tries again after a reset and after a timeout', async () => {
    const opscore = closeLater(
      await startFakeOpscore((n, { socket }) => {
        if (n === 1) socket.resetAndDestroy();
        return n <= 2;
      }),
    );
    expect(await reporter(opscore.url).report({ retry: { timeoutMs: 100 } })).toMatchObject({
      attempts: 3,
    });
  });

  it('says network_error or timeout when that is how it ended', async () => {
    const refused = reporter(await closedUrl()).report({ retry: { delaysMs: [1] } });
    expect(await failure(refused)).toMatchObject({ code: 'network_error', attempts: 2 });
    const silent = closeLater(await startServer(() => undefined));
    const late = reporter(silent.url).report({ retry: { delaysMs: [], timeoutMs: 50 } });
    expect(await failure(late)).toMatchObject({ code: 'timeout', attempts: 1 });
  });

  it('ends when its signal is aborted', async () => {
    const controller = new AbortController();
    const silent = closeLater(
      await startServer(() => {
        controller.abort();
      }),
    );
    const call = reporter(silent.url).report({ signal: controller.signal });
    expect(await failure(call)).toMatchObject({ code: 'aborted' });
    expect(silent.received).toHaveLength(1);
  });

  it.each([
    ['state', { state: 'IDLE' as AgentState }, /^state must be one of initializing, idle, active/],
    ['agentId', { agentId: '..' }, /^agentId must/],
    ['details', { details: [] as never }, /^details must be an object/],
    ['details', { details: { n: 1n } }, /^details cannot be written as JSON/],
    ['timestamp', { timestamp: 'yesterday' }, /^timestamp must/],
    ['url', { opscoreApiUrl: 'h:p' }, /^opscoreApiUrl \(OPSCORE_API_URL\) must/],
    [
      'url',
      { opscoreApiUrl: `http://u:${OPSCORE_KEY}@h` },
      /^opscoreApiUrl \(OPSCORE_API_URL\) must/,
    ],
    ['key', { opscoreApiKey: `${OPSCORE_KEY}\n` }, /^opscoreApiKey \(OPSCORE_API_KEY\) must/],
    ['key', { opscoreApiKey: '' }, /^opscoreApiKey \(OPSCORE_API_KEY\) is not set/],
  ])('refuses a wrong %s before it sends anything', async (_name, options, message) => {
    const opscore = await opscoreAnswering();
    const error = await failure(reporter(opscore.url).report(options));
    expect(error.code).toBe('invalid_argument');
    expect(error.message).toMatch(message);
    expect(opscore.received).toEqual([]);
  });
});
