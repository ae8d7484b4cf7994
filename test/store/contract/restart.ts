import { expect, it } from 'vitest';
import { aDelivery, anAgent, anAttempt } from '../../helpers/records.ts';
import { insertAgent, insertTask } from '../../helpers/store.ts';
import {
  NOW,
  LEASE_MS,
  asDelivered,
  claim,
  claimNames,
  plainBody,
  waiting,
  type OpenStore,
} from './steps.ts';

export function restart(open: OpenStore): void {
  it('keeps agents, waiting and ended deliveries, attempts and keys', async () => {
    const { store, reopen } = await open();
    const agent = anAgent({ metadata: { a: { b: [1] } }, capabilities: ['x'] });
    const webhook = aDelivery(agent.agentId, { kind: 'webhook', name: 'w' });
    await insertAgent(store, agent, { webhook });
    const done = await waiting(store, agent);
    const held = (await claim(store)).deliveries.find(({ id }) => id === done.id);
    await store.outbox.complete({ ...asDelivered(held), attempt: anAttempt() });
    const key = { key: 'k', bodyHash: 'h' };
    const waitingTask = aDelivery(agent.agentId, { body: '{"task_name":"ü"}', dueAt: 3_000 });
    await insertTask(store, waitingTask, { idempotency: key });
    const before = await store.tasks.get(done.id);

    const again = await reopen();
    expect(await again.agents.get(agent.agentId)).toEqual(agent);
    expect(await again.tasks.get(done.id)).toEqual(before);
    expect(await insertTask(again, aDelivery(agent.agentId), { idempotency: key })).toEqual({
      outcome: 'repeated',
      taskId: waitingTask.id,
    });
    const { deliveries } = await claim(again, { now: 3_000 });
    expect(deliveries.map(plainBody)).toMatchObject([
      { id: waitingTask.id, body: '{"task_name":"ü"}' },
    ]);
    expect(await claimNames(again, { now: NOW + LEASE_MS })).toContain('w');
  });

  it('writes what was asked for before it closes', async () => {
    const { store, reopen } = await open();
    const agents = Array.from({ length: 5 }, () => anAgent());
    const written = agents.map((agent) => insertAgent(store, agent));
    const again = await reopen();
    expect(await Promise.all(written)).toEqual(agents);
    for (const agent of agents) expect(await again.agents.get(agent.agentId)).toEqual(agent);
  });

  it('is ready when it can write', async () => {
    const { store } = await open();
    await expect(store.check()).resolves.toBeUndefined();
  });
}
