import { expect, it } from 'vitest';
import { eventually, every, startWorld, type RegisteredAgent } from './world.ts';

it('Ops-Core down at registration: 201, and after kill -9 and restart REGISTER arrives, then DEREGISTER', async () => {
  const { opscore, ...world } = await startWorld({ WEBHOOK_RETRY_SCHEDULE: every('100ms', 90) });
  await opscore.down();

  const agents: RegisteredAgent[] = [];
  for (let n = 0; n < 10; n += 1) agents.push(await world.register('http://127.0.0.1:9/'));
  await eventually(() => {
    const errors = world
      .service()
      .log()
      .filter(({ kind }) => kind === 'webhook');
    expect(errors.map(({ error }) => error)).toContain('connection_refused');
  });

  await world.kill();
  await world.restart();
  for (const { agentId } of agents.slice(5)) {
    expect((await world.request('DELETE', `/v1/agents/${agentId}`)).status).toBe(200);
  }
  await opscore.up();
  for (const { agentId } of agents.slice(0, 5)) {
    await eventually(() => expect(opscore.story(agentId)).toEqual(['REGISTER']));
    expect((await world.request('DELETE', `/v1/agents/${agentId}`)).status).toBe(200);
  }
  for (const { agentId } of agents) {
    await eventually(() => expect(opscore.story(agentId)).toEqual(['REGISTER', 'DEREGISTER']));
  }
  const ids = opscore.arrivals.map(({ headers }) => headers['webhook-id']);
  expect(new Set(ids).size).toBe(20);
});

it('an Ops-Core that refuses webhooks for good does not fail the registration', async () => {
  const { opscore, ...world } = await startWorld();
  opscore.fail = () => 400;
  const { agentId } = await world.register('http://127.0.0.1:9/');
  await eventually(() => expect(opscore.arrivals).toHaveLength(1));
  expect((await world.request('GET', `/v1/agents/${agentId}`)).status).toBe(200);
});
