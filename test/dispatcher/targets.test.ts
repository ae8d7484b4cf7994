import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { loadConfig, type Environment } from '../../src/config/config.ts';
import { passedOn } from '../../src/dispatcher/tracing.ts';
import { createPrepare } from '../../src/dispatcher/targets.ts';
import type { LeasedDelivery } from '../../src/outbox/delivery.ts';
import type { Sender } from '../../src/outbox/sending.ts';
import type { Agent } from '../../src/store/store.ts';
import { manualClock } from '../helpers/manual-clock.ts';
import { aDelivery, anAgent, bornWith } from '../helpers/records.ts';

const OPSCORE: Environment = {
  OPSCORE_WEBHOOK_URL: 'https://ops.example/hooks',
  OPSCORE_WEBHOOK_SECRET: 'hook-secret',
  OPSCORE_API_URL: 'https://ops.example/v1',
  OPSCORE_API_KEY: 'api-key',
  TASK_RETRY_SCHEDULE: '1s,2s',
  WEBHOOK_RETRY_SCHEDULE: '3s',
  DISPATCH_TIMEOUT: '4s',
  WEBHOOK_TIMEOUT: '5s',
};

function sender(): Sender {
  return {
    send: () => Promise.reject(new Error('not to be sent')),
    interrupt: () => undefined,
  };
}

function setup(env: Environment = OPSCORE) {
  const clock = manualClock();
  const agents = new Map<string, Agent>();
  const senders = { agent: sender(), opscore: sender() };
  const prepare = createPrepare({
    config: loadConfig(env),
    clock,
    agentSender: senders.agent,
    opscoreSender: senders.opscore,
    previousWebhookSecret: null,
    tracing: passedOn,
    getAgent: async (id) => agents.get(id),
  });
  const agent = anAgent();
  agents.set(agent.agentId, agent);
  const leased = (changes: Parameters<typeof aDelivery>[1] = {}): LeasedDelivery => ({
    ...bornWith(
      { owner: 'worker', until: clock.now() + 20_000 },
      aDelivery(agent.agentId, { createdAt: clock.now(), ...changes }),
    ),
    attemptCount: 2,
  });
  const prepared = async (delivery: LeasedDelivery) => {
    const result = await prepare(delivery);
    if (result.outcome !== 'send') throw new Error(result.outcome);
    return result;
  };
  return { clock, agents, agent, senders, prepare, prepared, leased };
}

/** The signature that a receiver recomputes. */
function hmac(secret: string, timestamp: string | undefined, body: Uint8Array): string {
  return createHmac('sha256', secret).update(`${timestamp}.`).update(body).digest('hex');
}

describe('a task', () => {
  it("goes to the agent with the same bytes, signed with the agent's own secret", async () => {
    const { agent, senders, prepared, leased, clock } = setup();
    const delivery = leased({
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    });
    const { request, sender, schedule, retriedStatuses } = await prepared(delivery);
    expect(sender).toBe(senders.agent);
    expect(schedule).toEqual([1_000, 2_000]);
    expect(retriedStatuses).toBeUndefined();
    expect(request).toMatchObject({ url: agent.contactEndpoint, timeoutMs: 4_000 });
    expect(request.body).toBe(delivery.body);
    const seconds = String(clock.wall() / 1000);
    expect(request.headers).toEqual({
      'content-type': 'application/json',
      'user-agent': 'agentkit-service',
      'x-agentkit-task-id': delivery.id,
      'x-agentkit-attempt': '3',
      'x-agentkit-timestamp': seconds,
      'x-agentkit-signature': hmac(agent.signingSecret, seconds, delivery.body),
      'webhook-id': delivery.id,
      'webhook-timestamp': seconds,
      'webhook-signature': expect.stringMatching(/^v1,/) as string,
      traceparent: expect.stringMatching(/^00-0af7651916cd43dd8448eb211c80319c-/) as string,
    });
  });

  it('is signed with a fresh timestamp at every attempt, under the same id', async () => {
    const { prepared, leased, clock } = setup();
    const delivery = leased();
    const first = (await prepared(delivery)).request.headers;
    clock.advance(90_000);
    const second = (await prepared(delivery)).request.headers;
    const step = Number(second['x-agentkit-timestamp']) - Number(first['x-agentkit-timestamp']);
    expect(step).toBe(90);
    expect(second['x-agentkit-signature']).not.toBe(first['x-agentkit-signature']);
    expect(second['webhook-id']).toBe(first['webhook-id']);
  });

  it('has a timestamp of whole seconds, rounded down: a signature is never from the future', async () => {
    const { prepared, leased, clock } = setup();
    clock.advance(999);
    const { headers } = (await prepared(leased())).request;
    expect(headers['x-agentkit-timestamp']).toBe(String(Math.floor(clock.wall() / 1000)));
  });

  it('goes to where the agent lives now', async () => {
    const { agents, agent, prepared, leased } = setup();
    const delivery = leased();
    agents.set(agent.agentId, { ...agent, contactEndpoint: 'http://127.0.0.1:9999/moved' });
    expect((await prepared(delivery)).request.url).toBe('http://127.0.0.1:9999/moved');
  });

  it('ends when its agent has gone', async () => {
    const { agents, agent, prepare, leased } = setup();
    agents.delete(agent.agentId);
    expect(await prepare(leased())).toEqual({ outcome: 'agent_deregistered' });
  });
});

describe('a webhook', () => {
  it("goes to Ops-Core, signed with Ops-Core's secret, also when the agent has gone", async () => {
    const { agents, senders, prepared, leased } = setup();
    agents.clear();
    const delivery = leased({ kind: 'webhook' });
    const { request, sender, schedule } = await prepared(delivery);
    expect(sender).toBe(senders.opscore);
    expect(schedule).toEqual([3_000]);
    expect(request).toMatchObject({ url: 'https://ops.example/hooks', timeoutMs: 5_000 });
    expect(request.body).toBe(delivery.body);
    const { headers } = request;
    expect(headers['content-type']).toBe('application/json');
    expect(headers['webhook-id']).toBe(delivery.id);
    expect(headers['x-agentkit-signature']).toBe(
      hmac('hook-secret', headers['x-agentkit-timestamp'], delivery.body),
    );
  });

  it('waits while Ops-Core is not configured', async () => {
    const { prepare, leased } = setup({});
    expect(await prepare(leased({ kind: 'webhook' }))).toEqual({ outcome: 'not_configured' });
  });
});

describe('a state report', () => {
  it('goes to Ops-Core with the key as bearer, and without a signature', async () => {
    const { agent, senders, prepared, leased } = setup();
    const delivery = leased({ kind: 'state_report' });
    const { request, sender, schedule } = await prepared(delivery);
    expect(sender).toBe(senders.opscore);
    expect(schedule).toEqual([3_000]);
    expect(request.url).toBe(`https://ops.example/v1/opscore/agent/${agent.agentId}/state`);
    expect(request.body).toBe(delivery.body);
    expect(request.headers).toEqual({
      'content-type': 'application/json',
      'user-agent': 'agentkit-service',
      authorization: 'Bearer api-key',
      'x-agentkit-delivery-id': delivery.id,
    });
  });

  it('is tried again after a 404 while REGISTER may still be under way, and not for ever', async () => {
    const { prepared, leased, clock } = setup();
    const delivery = leased({ kind: 'state_report' });
    expect((await prepared(delivery)).retriedStatuses).toEqual(new Set([404]));
    clock.advance(5 * 60_000);
    expect((await prepared(delivery)).retriedStatuses).toBeUndefined();
  });

  it('waits while Ops-Core is not configured', async () => {
    const { prepare, leased } = setup({});
    expect(await prepare(leased({ kind: 'state_report' }))).toEqual({ outcome: 'not_configured' });
  });
});
