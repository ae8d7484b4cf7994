import { describe, expect, it } from 'vitest';
import { aSecret } from '../helpers/secrets.ts';
import { manualClock } from './helpers/clock.ts';
import type { Answer } from './helpers/http.ts';
import { startReceiver } from './helpers/servers.ts';
import { startService, type Running } from './helpers/service.ts';
import { attempted, ended, run, task } from './helpers/tasks.ts';
import { tempDir } from './helpers/temp-dir.ts';

const NOISY = aSecret('AGENTKIT_API_KEYS');
const QUIET = aSecret('AGENTKIT_API_KEYS');
const API_KEYS = `noisy:register:${NOISY},quiet:read:${QUIET}`;

const LIST = ['GET', '/v1/agents'] as const;
const heartbeatOf = (agentId: string) => ['POST', `/v1/agents/${agentId}/heartbeat`] as const;

/** The same request many times at once. */
function burst(
  service: Running,
  [method, path]: readonly [method: string, path: string],
  token: string | undefined,
  count: number,
): Promise<Answer[]> {
  return Promise.all(Array.from({ length: count }, () => service.call(method, path, { token })));
}

const limited = (answers: readonly Answer[]) => answers.filter(({ status }) => status === 429);

/** 40 take far less than the four seconds in which five a second would let 20 of them through. */
const MANY = 40;
const AT_LEAST = 20;

describe('RATE_LIMIT', () => {
  const env = { AGENTKIT_API_KEYS: API_KEYS, RATE_LIMIT: '5' };

  it('stops a noisy key, and nobody else', async () => {
    const service = await startService(env);
    const { agentId, agentToken } = await service.register({}, NOISY);
    const heartbeat = heartbeatOf(agentId);
    const refused = limited(await burst(service, heartbeat, NOISY, MANY));
    expect(refused.length).toBeGreaterThanOrEqual(AT_LEAST);
    for (const answer of refused) {
      expect(answer.json.error_code).toBe('rate_limited');
      expect(answer.headers.get('retry-after')).toBe('1');
    }
    expect(limited(await burst(service, LIST, QUIET, 5))).toEqual([]);
    expect(limited(await burst(service, heartbeat, agentToken, 5))).toEqual([]);
    // The probes are for everybody, and always answer.
    const probes = await burst(service, ['GET', '/livez'], NOISY, MANY);
    expect(probes.map(({ status }) => status)).toEqual(Array(MANY).fill(200));
  });

  it('counts an agent by its own token, not with the key that registered it', async () => {
    const service = await startService(env);
    const one = await service.register({}, NOISY);
    const other = await service.register({}, NOISY);
    const noisy = await burst(service, heartbeatOf(one.agentId), one.agentToken, MANY);
    expect(limited(noisy).length).toBeGreaterThanOrEqual(AT_LEAST);
    const quiet = await burst(service, heartbeatOf(other.agentId), other.agentToken, 5);
    expect(limited(quiet)).toEqual([]);
  });

  it('has no hold in open mode, where callers cannot be told apart', async () => {
    const service = await startService({ RATE_LIMIT: '1' });
    expect(limited(await burst(service, LIST, undefined, MANY))).toEqual([]);
  });

  it('is not reached without a credential that fits: the answer is 401 or 403', async () => {
    const service = await startService(env);
    for (const [token, status] of [
      ['wrong', 401],
      [NOISY, 403],
    ] as const) {
      const answers = await burst(service, LIST, token, MANY);
      expect(answers.map((answer) => answer.status)).toEqual(Array(MANY).fill(status));
    }
  });
});

describe('AGENT_QUEUE_LIMIT', () => {
  const LIMIT = 3;

  const post = (service: Running, agentId: string) =>
    service.call('POST', `/v1/agents/${agentId}/run`, { body: { task_name: 't' } });

  const waiting = async (service: Running, agentId: string) =>
    (await service.call('GET', `/v1/agents/${agentId}/tasks?state=scheduled`)).json
      .data as unknown[];

  async function expectFull(service: Running, agentId: string): Promise<void> {
    const answer = await post(service, agentId);
    expect([answer.status, answer.json.error_code]).toEqual([429, 'queue_full']);
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await waiting(service, agentId)).toHaveLength(LIMIT);
  }

  async function fill(service: Running, agentId: string): Promise<string[]> {
    const ids: string[] = [];
    for (let i = 0; i < LIMIT; i += 1) ids.push(await run(service, agentId));
    return ids;
  }

  const env = { AGENT_QUEUE_LIMIT: String(LIMIT), TASK_RETRY_SCHEDULE: '1h' };

  it('refuses the task that is one too many, and stores nothing of it', async () => {
    const service = await startService(env);
    const { agentId } = await service.register();
    await fill(service, agentId);
    await expectFull(service, agentId);
    await expectFull(service, agentId);
  });

  it('lets exactly as many in when they come at once', async () => {
    const service = await startService(env);
    const { agentId } = await service.register();
    const answers = await Promise.all(Array.from({ length: 20 }, () => post(service, agentId)));
    expect(answers.filter(({ status }) => status === 202)).toHaveLength(LIMIT);
    expect(limited(answers)).toHaveLength(20 - LIMIT);
    await expectFull(service, agentId);
  });

  it('is of one agent and leaves the others alone', async () => {
    const service = await startService(env);
    const full = await service.register();
    const other = await service.register();
    await fill(service, full.agentId);
    await expectFull(service, full.agentId);
    await fill(service, other.agentId);
    await expectFull(service, other.agentId);
  });

  it('has room again for each task that is cancelled', async () => {
    const service = await startService(env);
    const { agentId } = await service.register();
    const [first] = await fill(service, agentId);
    await service.call('POST', `/v1/tasks/${first}/cancel`);
    // A second cancellation is no second room.
    await service.call('POST', `/v1/tasks/${first}/cancel`);
    expect((await post(service, agentId)).status).toBe(202);
    await expectFull(service, agentId);
  });

  it('has room again once tasks are delivered', async () => {
    let down = true;
    const agent = await startReceiver(() => ({ status: down ? 503 : 200 }));
    const clock = manualClock();
    const service = await startService(env, { clock });
    const { agentId } = await service.register({ contactEndpoint: agent.url });
    const ids = await fill(service, agentId);
    for (const id of ids) await task(service, id, attempted);
    await expectFull(service, agentId);
    down = false;
    clock.advance(2 * 3_600_000);
    for (const id of ids) await task(service, id, ended);
    await fill(service, agentId);
  });

  it('has room again once a task is dead', async () => {
    const agent = await startReceiver(() => ({ status: 400 }));
    const service = await startService(env);
    const { agentId } = await service.register({ contactEndpoint: agent.url });
    for (const id of await fill(service, agentId)) await task(service, id, ended);
    expect((await post(service, agentId)).status).toBe(202);
  });

  it('is exact after a restart', async () => {
    const dir = tempDir();
    const first = await startService(env, { dir });
    const { agentId } = await first.register();
    const [cancelled, ...rest] = await fill(first, agentId);
    await first.call('POST', `/v1/tasks/${cancelled}/cancel`);
    expect(rest).toHaveLength(LIMIT - 1);
    await first.stop();
    const second = await startService(env, { dir });
    expect((await post(second, agentId)).status).toBe(202);
    await expectFull(second, agentId);
  });

  it('answers a repeated request with its task although the queue is full', async () => {
    const service = await startService(env);
    const { agentId } = await service.register();
    const once = () =>
      service.call('POST', `/v1/agents/${agentId}/run`, {
        body: { task_name: 't' },
        headers: { 'idempotency-key': 'order-1' },
      });
    const first = await once();
    await run(service, agentId);
    await run(service, agentId);
    await expectFull(service, agentId);
    const again = await once();
    expect([again.status, again.json.data]).toEqual([202, first.json.data]);
  });
});
