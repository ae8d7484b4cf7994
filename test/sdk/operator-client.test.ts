import nock from 'nock';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { AgentKitClient } from '../../src/sdk/index.ts';

const BASE = 'http://agentkit.test:8000';
const ok = (data: unknown, extra = {}) => ({ status: 'success', message: 'ok', data, ...extra });
const client = () => new AgentKitClient({ baseUrl: BASE, apiKey: 'key' });
const service = () => nock(BASE, { reqheaders: { authorization: 'Bearer key' } });

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
});

describe('an operator’s client', () => {
  it('lists deliveries by every filter', async () => {
    service()
      .get('/v1/deliveries')
      .query({
        kind: 'webhook',
        state: 'dead',
        agent_id: 'a1',
        error_class: 'http_status',
        since: '2026-11-23T02:00:00.000Z',
        until: '2026-11-23T03:00:00+01:00',
        id: 'd1',
        limit: '5',
        cursor: 'x&y',
      })
      .reply(200, ok([{ deliveryId: 'd1' }], { next_cursor: 'z' }));
    const page = await client().listDeliveries({
      kind: 'webhook',
      state: 'dead',
      agentId: 'a1',
      errorClass: 'http_status',
      since: new Date('2026-11-23T02:00:00Z'),
      until: '2026-11-23T03:00:00+01:00',
      id: 'd1',
      limit: 5,
      cursor: 'x&y',
    });
    expect(page).toEqual({ deliveries: [{ deliveryId: 'd1' }], nextCursor: 'z' });
  });

  it('walks all pages, also those that are short or empty', async () => {
    const page = (query: object, ids: string[], next_cursor: string | null) =>
      service()
        .get('/v1/deliveries')
        .query({ state: 'delivered', ...query })
        .reply(
          200,
          ok(
            ids.map((deliveryId) => ({ deliveryId })),
            { next_cursor },
          ),
        );
    page({}, ['1'], 'a');
    page({ cursor: 'a' }, [], 'b');
    page({ cursor: 'b' }, ['2'], null);
    const found: string[] = [];
    for await (const { deliveryId } of client().iterateDeliveries({ state: 'delivered' }))
      found.push(deliveryId);
    expect(found).toEqual(['1', '2']);
  });

  it('gives up on a cursor that does not move on', async () => {
    service()
      .get('/v1/deliveries')
      .query({ cursor: 'a' })
      .reply(200, ok([], { next_cursor: 'a' }));
    const all = client().iterateDeliveries({ cursor: 'a' });
    await expect(all.next()).rejects.toMatchObject({ code: 'invalid_response' });
  });

  it('gets, retries and cancels one', async () => {
    service()
      .get('/v1/deliveries/d1')
      .reply(200, ok({ deliveryId: 'd1', attempts: [] }));
    service()
      .post('/v1/deliveries/d1/retry')
      .reply(200, ok({ state: 'scheduled' }));
    service()
      .post('/v1/deliveries/d1/retry?force=true')
      .reply(200, ok({ state: 'scheduled' }));
    service()
      .post('/v1/deliveries/d1/cancel')
      .reply(200, ok({ state: 'cancelled' }));
    expect(await client().getDelivery('d1')).toEqual({ deliveryId: 'd1', attempts: [] });
    expect(await client().retryDelivery('d1')).toMatchObject({ state: 'scheduled' });
    expect(await client().retryDelivery('d1', { force: true })).toMatchObject({
      state: 'scheduled',
    });
    expect(await client().cancelDelivery('d1')).toMatchObject({ state: 'cancelled' });
  });

  it('passes a refusal on by its code', async () => {
    service()
      .post('/v1/deliveries/d1/retry')
      .reply(
        409,
        { status: 'error', message: 'No', detail: 'No', error_code: 'delivery_busy' },
        { 'retry-after': '2' },
      );
    await expect(client().retryDelivery('d1')).rejects.toMatchObject({
      code: 'delivery_busy',
      retryAfterMs: 2_000,
    });
  });

  it('counts a replay before it makes one, and follows it', async () => {
    const filter = { kind: 'webhook', since: '2026-11-23T02:00:00.000Z' };
    service()
      .post('/v1/replays', { filter, dryRun: true })
      .reply(200, ok({ dryRun: true, total: 500 }));
    service()
      .post('/v1/replays', { filter })
      .reply(202, ok({ replayId: 'r1', total: 500 }));
    service()
      .get('/v1/replays/r1')
      .reply(200, ok({ replayId: 'r1', state: 'done' }));
    service()
      .get('/v1/replays?limit=1')
      .reply(200, ok([{ replayId: 'r1' }], { next_cursor: null }));
    service()
      .post('/v1/replays/r1/cancel')
      .reply(200, ok({ state: 'cancelled' }));
    const given = { kind: 'webhook', since: new Date('2026-11-23T02:00:00Z') };
    expect(await client().countReplay(given)).toBe(500);
    expect(await client().createReplay(given)).toMatchObject({ replayId: 'r1' });
    expect(await client().getReplay('r1')).toMatchObject({ state: 'done' });
    expect(await client().listReplays({ limit: 1 })).toEqual({
      replays: [{ replayId: 'r1' }],
      nextCursor: null,
    });
    expect(await client().cancelReplay('r1')).toMatchObject({ state: 'cancelled' });
  });

  it('tells how everything stands, and who asks', async () => {
    service()
      .get('/v1/overview')
      .reply(200, ok({ failing: [], replicas: 1 }));
    service()
      .get('/v1/whoami')
      .reply(200, ok({ kind: 'key', name: 'ops', scope: 'admin', agentId: null }));
    expect(await client().getOverview()).toMatchObject({ failing: [], replicas: 1 });
    expect(await client().whoami()).toMatchObject({ name: 'ops', scope: 'admin' });
  });

  it('pauses, resumes and pings', async () => {
    service()
      .post('/v1/agents/a1/pause')
      .reply(200, ok({ pausedAt: 'now' }));
    service()
      .post('/v1/agents/a1/resume')
      .reply(200, ok({ pausedAt: null }));
    service()
      .post('/v1/webhook/ping')
      .reply(200, ok({ outcome: 'refused', ok: true }));
    expect(await client().pauseAgent('a1')).toMatchObject({ pausedAt: 'now' });
    expect(await client().resumeAgent('a1')).toMatchObject({ pausedAt: null });
    expect(await client().pingWebhook()).toMatchObject({ outcome: 'refused' });
  });

  it('sends nothing for a date that is none, or an id that would climb out of the path', async () => {
    await expect(client().listDeliveries({ since: new Date('no') })).rejects.toMatchObject({
      code: 'invalid_argument',
    });
    await expect(client().getDelivery('..')).rejects.toMatchObject({ code: 'invalid_argument' });
  });
});
