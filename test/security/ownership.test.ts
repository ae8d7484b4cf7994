import { describe, expect, it } from 'vitest';
import { aSecret } from '../helpers/secrets.ts';
import { HOUR, manualClock, SECOND } from './helpers/clock.ts';
import { anAgent, startService, type RegisteredAgent, type Running } from './helpers/service.ts';

const FLEET = aSecret('AGENTKIT_API_KEYS');
const THIEF = aSecret('AGENTKIT_API_KEYS');
const ADMIN = aSecret('AGENTKIT_API_KEYS');
const API_KEYS = `fleet:register:${FLEET},thief:register:${THIEF},boss:admin:${ADMIN}`;

const THEIRS = 'http://127.0.0.1:6666/mine-now';

async function put(
  service: Running,
  token: string,
  changes: Record<string, unknown>,
): ReturnType<Running['call']> {
  return service.call('PUT', '/v1/agents/register', { token, body: anAgent(changes) });
}

async function endpointOf(service: Running, agentId: string): Promise<string> {
  const answer = await service.call('GET', `/v1/agents/${agentId}`, { token: ADMIN });
  return (answer.json.data as { contactEndpoint: string }).contactEndpoint;
}

describe('taking over a name', () => {
  it('is refused to everybody but the owner', async () => {
    const service = await startService({ AGENTKIT_API_KEYS: API_KEYS });
    const agent = await service.register({ agentName: 'payroll' }, FLEET);
    const other = await service.register({}, THIEF);
    const before = await endpointOf(service, agent.agentId);
    const takeover = { agentName: 'payroll', contactEndpoint: THEIRS };

    for (const token of [THIEF, FLEET, ADMIN]) {
      const post = await service.call('POST', '/v1/agents', { token, body: anAgent(takeover) });
      expect([post.status, post.json.error_code]).toEqual([409, 'agent_name_taken']);
    }
    for (const token of [THIEF, other.agentToken]) {
      const answer = await put(service, token, takeover);
      expect([answer.status, answer.json.error_code]).toEqual([403, 'forbidden']);
      expect(answer.text).not.toContain(agent.agentId);
    }
    expect(await endpointOf(service, agent.agentId)).toBe(before);
  });

  it('is what the owner does when an agent comes back', async () => {
    const service = await startService({ AGENTKIT_API_KEYS: API_KEYS });
    const agent = await service.register({ agentName: 'payroll' }, FLEET);
    for (const token of [FLEET, agent.agentToken, ADMIN]) {
      const answer = await put(service, token, { agentName: 'payroll', contactEndpoint: THEIRS });
      expect(answer.status).toBe(200);
      expect(answer.json.data).toMatchObject({
        agentId: agent.agentId,
        signingSecret: agent.signingSecret,
      });
    }
    expect(await endpointOf(service, agent.agentId)).toBe(THEIRS);
  });

  it('does not let an agent register a second agent with its token', async () => {
    const service = await startService({ AGENTKIT_API_KEYS: API_KEYS });
    const agent = await service.register({}, FLEET);
    expect((await put(service, agent.agentToken, { agentName: 'brand-new' })).status).toBe(403);
  });

  it('stays with the owner of the key, whatever key an admin updated it with', async () => {
    const service = await startService({ AGENTKIT_API_KEYS: API_KEYS });
    await service.register({ agentName: 'payroll' }, FLEET);
    await put(service, ADMIN, { agentName: 'payroll', version: '2' });
    expect((await put(service, FLEET, { agentName: 'payroll' })).status).toBe(200);
  });
});

describe('an agent token', () => {
  const heartbeat = async (service: Running, agent: RegisteredAgent, token: string) =>
    (await service.call('POST', `/v1/agents/${agent.agentId}/heartbeat`, { token })).status;

  it('is replaced when the agent comes back with a key; the old one works until the overlap ends', async () => {
    const clock = manualClock();
    const service = await startService({ AGENTKIT_API_KEYS: API_KEYS }, { clock });
    const agent = await service.register({ agentName: 'payroll' }, FLEET);
    const answer = await put(service, FLEET, { agentName: 'payroll' });
    const { agentToken: fresh } = answer.json.data as RegisteredAgent;
    expect(fresh).toMatch(/^agt_[A-Za-z0-9_-]{43}_[0-9a-f]{8}$/);
    expect(fresh).not.toBe(agent.agentToken);
    expect(await heartbeat(service, agent, agent.agentToken)).toBe(200);
    expect(await heartbeat(service, agent, fresh)).toBe(200);

    clock.advance(24 * HOUR - 1);
    expect(await heartbeat(service, agent, agent.agentToken)).toBe(200);

    // A token that was just seen is believed for a second.
    clock.advance(SECOND);
    expect(await heartbeat(service, agent, agent.agentToken)).toBe(401);
    expect(await heartbeat(service, agent, fresh)).toBe(200);
  });

  it('is ended before the overlap does when the agent registers twice', async () => {
    const service = await startService({ AGENTKIT_API_KEYS: API_KEYS });
    const agent = await service.register({ agentName: 'payroll' }, FLEET);
    await put(service, FLEET, { agentName: 'payroll' });
    const answer = await put(service, FLEET, { agentName: 'payroll' });
    expect(await heartbeat(service, agent, agent.agentToken)).toBe(401);
    expect(await heartbeat(service, agent, (answer.json.data as RegisteredAgent).agentToken)).toBe(
      200,
    );
  });

  it('is kept by the agent that comes back with it', async () => {
    const service = await startService({ AGENTKIT_API_KEYS: API_KEYS });
    const agent = await service.register({ agentName: 'payroll' }, FLEET);
    const answer = await put(service, agent.agentToken, { agentName: 'payroll' });
    expect(answer.json.data).not.toHaveProperty('agentToken');
    expect(await heartbeat(service, agent, agent.agentToken)).toBe(200);
  });

  it('is worth nothing once the agent is gone, also for a new agent of the same name', async () => {
    const service = await startService({ AGENTKIT_API_KEYS: API_KEYS });
    const agent = await service.register({ agentName: 'payroll' }, FLEET);
    expect(await heartbeat(service, agent, agent.agentToken)).toBe(200);
    await service.call('DELETE', `/v1/agents/${agent.agentId}`, { token: agent.agentToken });
    expect(await heartbeat(service, agent, agent.agentToken)).toBe(401);
    const next = await service.register({ agentName: 'payroll' }, FLEET);
    expect(await heartbeat(service, next, agent.agentToken)).toBe(401);
  });

  it('is never shown again', async () => {
    const service = await startService({ AGENTKIT_API_KEYS: API_KEYS });
    const agent = await service.register({}, FLEET);
    const answers = [
      await service.call('GET', '/v1/agents', { token: ADMIN }),
      await service.call('GET', `/v1/agents/${agent.agentId}`, { token: ADMIN }),
      await service.call('POST', `/v1/agents/${agent.agentId}/heartbeat`, { token: FLEET }),
      await service.call('DELETE', `/v1/agents/${agent.agentId}`, { token: FLEET }),
    ];
    for (const { text } of answers) {
      expect(text).not.toContain(agent.agentToken);
      expect(text).not.toContain(agent.signingSecret);
    }
  });
});
