import { describe, expect, it } from 'vitest';
import { aDelivery, anAttempt } from '../helpers/records.ts';
import { aRegistration, aService, type Answer } from '../helpers/service.ts';
import { claimAt, insertTask } from '../helpers/store.ts';

const dataOf = ({ body }: Answer) => body['data'] as Record<string, unknown>;
const listOf = ({ body }: Answer) => body['data'] as Record<string, unknown>[];
const codeOf = ({ status, body }: Answer) => `${status} ${String(body['error_code'])}`;

/** A service that is not listening: no replay goes on by itself. */
async function withDeadTasks(count: number) {
  const kit = await aService();
  const { store } = kit.service;
  const agent = dataOf(await kit.call('POST', '/v1/agents', { body: aRegistration() }));
  const agentId = String(agent['agentId']);
  const now = Date.now() - 1_000;
  for (let i = 0; i < count; i += 1) {
    await insertTask(store, aDelivery(agentId, { createdAt: now, dueAt: now }));
  }
  for (const { seq, epoch, lane } of (await claimAt(store, now)).deliveries) {
    const attempt = anAttempt({ outcome: 'failed', statusCode: 503, errorClass: 'http_status' });
    await store.outbox.complete({
      seq,
      epoch,
      lane,
      attempt,
      state: 'dead',
      finishedAt: now,
      lastError: 'http_503',
    });
  }
  const replay = (body: unknown) => kit.call('POST', '/v1/replays', { body });
  return { ...kit, store, agentId, replay };
}

describe('a replay', () => {
  it('is counted first, and that does nothing', async () => {
    const { call, replay, agentId } = await withDeadTasks(3);
    const answer = await replay({ filter: {}, dryRun: true });
    expect(answer.status).toBe(200);
    expect(answer.body['message']).toBe('3 dead letters would be sent again.');
    expect(dataOf(answer)).toEqual({ dryRun: true, total: 3 });
    expect(
      dataOf(
        await replay({
          filter: { agentId, state: 'dead', errorClass: 'http_status' },
          dryRun: true,
        }),
      ),
    ).toMatchObject({ total: 3 });
    expect(dataOf(await replay({ filter: { kind: 'webhook' }, dryRun: true }))).toMatchObject({
      total: 0,
    });
    expect(
      dataOf(await replay({ filter: { since: '2100-01-01T00:00:00Z' }, dryRun: true })),
    ).toMatchObject({ total: 0 });
    expect(listOf(await call('GET', '/v1/replays'))).toEqual([]);
    expect(listOf(await call('GET', '/v1/deliveries?state=dead'))).toHaveLength(3);
  });

  it('is stored with its filter and its count: 202, and found', async () => {
    const { call, replay, lines } = await withDeadTasks(2);
    const since = '2020-01-01T02:00:00+02:00';
    const answer = await replay({ filter: { kind: 'task', since } });
    expect(answer.status).toBe(202);
    const data = dataOf(answer);
    expect(data).toEqual({
      replayId: expect.any(String) as string,
      state: 'running',
      filter: { kind: 'task', since: '2020-01-01T00:00:00.000Z' },
      total: 2,
      replayed: 0,
      skipped: 0,
      createdAt: expect.any(String) as string,
      createdBy: null,
      finishedAt: null,
    });
    expect(answer.headers['location']).toBe(`/v1/replays/${String(data['replayId'])}`);
    expect(dataOf(await call('GET', `/v1/replays/${String(data['replayId'])}`))).toEqual(data);
    expect(listOf(await call('GET', '/v1/replays'))).toEqual([data]);
    expect(lines.find(({ msg }) => msg === 'replay begun')).toMatchObject({ total: 2 });
  });

  it('is cancelled: 200, and again 200; done it is too late', async () => {
    const { call, replay, store } = await withDeadTasks(1);
    const id = String(dataOf(await replay({ filter: {} }))['replayId']);
    for (let i = 0; i < 2; i += 1) {
      const answer = await call('POST', `/v1/replays/${id}/cancel`);
      expect(dataOf(answer)).toMatchObject({ state: 'cancelled', replayed: 0 });
    }
    const other = String(dataOf(await replay({ filter: {} }))['replayId']);
    await store.replays.step(other, { now: Date.now(), limit: 10 });
    expect(codeOf(await call('POST', `/v1/replays/${other}/cancel`))).toBe('409 replay_finished');
  });

  it('that is not there is 404', async () => {
    const { call } = await withDeadTasks(0);
    expect(codeOf(await call('GET', '/v1/replays/nothing'))).toBe('404 replay_not_found');
    expect(codeOf(await call('POST', '/v1/replays/nothing/cancel'))).toBe('404 replay_not_found');
  });

  it('is listed page by page', async () => {
    const { call, replay } = await withDeadTasks(0);
    const made: unknown[] = [];
    for (let i = 0; i < 3; i += 1) made.unshift(dataOf(await replay({ filter: {} }))['replayId']);
    const first = await call('GET', '/v1/replays?limit=2');
    const rest = await call(
      'GET',
      `/v1/replays?limit=2&cursor=${String(first.body['next_cursor'])}`,
    );
    expect([...listOf(first), ...listOf(rest)].map(({ replayId }) => replayId)).toEqual(made);
    expect(codeOf(await call('GET', '/v1/replays?cursor=eA'))).toBe('422 validation_failed');
  });

  it.each([
    [{}, '/filter'],
    [{ filter: { agent: 'a' } }, '/filter/agent'],
    [{ filter: { state: 'delivered' } }, '/filter/state'],
    [{ filter: { kind: 'mail' } }, '/filter/kind'],
    [{ filter: { since: 'yesterday' } }, '/filter/since'],
    [{ filter: { until: '2026-13-01T00:00Z' } }, '/filter/until'],
    [{ filter: {}, dryrun: true }, '/dryrun'],
    [{ filter: {}, dryRun: 'yes' }, '/dryRun'],
    [{ kind: 'webhook' }, '/filter'],
  ])('%j is refused, with the place: a slip would send everything', async (body, path) => {
    const { call, replay } = await withDeadTasks(1);
    const answer = await replay(body);
    expect(codeOf(answer)).toBe('422 validation_failed');
    expect((answer.body['errors'] as { path: string }[]).map((error) => error.path)).toContain(
      path,
    );
    expect(listOf(await call('GET', '/v1/replays'))).toEqual([]);
  });
});
