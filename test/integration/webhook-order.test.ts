import { expect, it } from 'vitest';
import { inParallel } from '../helpers/in-parallel.ts';
import { eventually, every, startWorld, type RegisteredAgent } from './world.ts';

const AGENTS = 300;

it('Ops-Core answering 500 to 30 %: each agent’s events are accepted in their order, never two in flight', async () => {
  const { opscore, ...world } = await startWorld({ WEBHOOK_RETRY_SCHEDULE: every('3ms', 90) });
  let failed = 0;
  opscore.fail = async () => {
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 4));
    if (Math.random() >= 0.3) return undefined;
    failed += 1;
    return 500;
  };

  const agentIds: string[] = [];
  await inParallel(AGENTS, 16, async (n) => {
    const agentName = `agent ${String(n)}`;
    const registration = { agentName, contactEndpoint: 'http://127.0.0.1:9/' };
    const { agentId } = await world.register(registration.contactEndpoint, { agentName });
    agentIds.push(agentId);
    for (const version of ['2', '3']) {
      const body = { ...registration, version };
      const again = await world.request<{ data: RegisteredAgent }>(
        'PUT',
        '/v1/agents/register',
        body,
      );
      expect(again.body.data.agentId).toBe(agentId);
    }
    expect((await world.request('DELETE', `/v1/agents/${agentId}`)).status).toBe(200);
  });

  await eventually(() => expect(opscore.events().length).toBeGreaterThanOrEqual(4 * AGENTS));
  const story = ['REGISTER 1.0.0', 'REGISTER 2', 'REGISTER 3', 'DEREGISTER 3'];
  const inverted = agentIds.filter((agentId) => {
    const events = opscore
      .events(agentId)
      .map(({ event_type, agent_details }) => `${event_type} ${agent_details.version}`);
    return JSON.stringify(events) !== JSON.stringify(story);
  });
  expect(inverted).toEqual([]);
  expect(opscore.mostInFlight()).toBe(1);
  expect(failed).toBeGreaterThan(AGENTS);
  expect(opscore.arrivals).toHaveLength(4 * AGENTS + failed);
});
