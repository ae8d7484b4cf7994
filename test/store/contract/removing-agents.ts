import { expect, it } from 'vitest';
import type { Agent, StoredTask } from '../../../src/store/store.ts';
import { aDelivery } from '../../helpers/records.ts';
import { insertTask, removal, updateAgent } from '../../helpers/store.ts';
import {
  NOW,
  LEASE_MS,
  agentsFound,
  asDelivered,
  asRetry,
  claim,
  claimIds,
  claimOne,
  drain,
  lease,
  plainBody,
  registered,
  tasksOf,
  waiting,
  type OpenStore,
} from './steps.ts';

export function removingAgents(open: OpenStore): void {
  it('does nothing for an agent that is not there', async () => {
    const { store } = await open();
    expect(await store.agents.remove('nobody', removal(NOW))).toBeUndefined();
  });

  it('takes away an agent without tasks, and stores DEREGISTER with it', async () => {
    const { store } = await open();
    const agent = await registered(store);
    expect(await store.agents.get(agent.agentId)).toEqual(agent);
    const webhook = aDelivery(agent.agentId, { kind: 'webhook', name: 'DEREGISTER' });
    const asked: Agent[] = [];
    const outcome = await store.agents.remove(
      agent.agentId,
      removal(NOW, {
        webhookOf: (removed) => {
          asked.push(removed);
          return webhook;
        },
      }),
    );
    expect(outcome).toEqual({ agent, done: true });
    expect(asked).toEqual([agent]);
    expect(await store.agents.get(agent.agentId)).toBeUndefined();
    expect((await store.agents.list({}, { limit: 10, after: null })).items).toEqual([]);
    expect(await claimIds(store)).toEqual([webhook.id]);
  });

  it('frees the name', async () => {
    const { store } = await open();
    const agent = await registered(store, { agentName: 'summarizer' });
    await store.agents.remove(agent.agentId, removal(NOW));
    await registered(store, { agentName: 'summarizer' });
  });

  it.each([
    { state: 'cancelled', lastError: 'agent_deregistered' },
    { state: 'dead', lastError: 'agent_expired' },
  ] as const)('ends what waits as $state and reports each task before DEREGISTER', async (end) => {
    const { store } = await open();
    const agent = await registered(store);
    const lane = `webhook:${agent.agentId}`;
    const tasks = [];
    for (const body of ['{"task_name":"a"}', '{"task_name":"b"}', '{"task_name":"c"}']) {
      tasks.push(await waiting(store, agent, { body }));
    }
    const reported: StoredTask[] = [];
    const deregister = aDelivery(agent.agentId, { kind: 'webhook', name: 'DEREGISTER' });
    await store.agents.remove(
      agent.agentId,
      removal(NOW, {
        tasks: end,
        reportOf: (task) => {
          reported.push(task);
          return aDelivery(agent.agentId, { kind: 'state_report', lane, name: task.id });
        },
        webhookOf: () => deregister,
      }),
    );

    const byId = (a: { id: string }, b: { id: string }) => (a.id < b.id ? -1 : 1);
    expect(reported.map(plainBody).sort(byId)).toEqual(
      tasks
        .map(({ id, agentId, body }) => ({
          id,
          agentId,
          attemptCount: 0,
          lastError: end.lastError,
          body: Buffer.from(body).toString(),
        }))
        .sort(byId),
    );
    for (const { id } of tasks) {
      expect((await store.tasks.get(id))?.record).toMatchObject({
        ...end,
        finishedAt: NOW,
        nextAttemptAt: null,
      });
    }
    const sent = await drain(store);
    expect(sent.slice(0, 3).sort()).toEqual(tasks.map(({ id }) => id).sort());
    expect(sent.slice(3)).toEqual(['DEREGISTER']);
  });

  it('goes in steps over a long backlog, and the agent goes with the last', async () => {
    const { store } = await open();
    const agent = await registered(store);
    for (let i = 0; i < 5; i += 1) await waiting(store, agent);
    const deregister = aDelivery(agent.agentId, { kind: 'webhook', name: 'DEREGISTER' });
    const step = () =>
      store.agents.remove(
        agent.agentId,
        removal(NOW, {
          limit: 2,
          reportOf: (task) =>
            aDelivery(agent.agentId, {
              kind: 'state_report',
              lane: deregister.lane,
              name: task.id,
            }),
          webhookOf: () => deregister,
        }),
      );

    expect(await step()).toMatchObject({ agent: { status: 'deregistering' }, done: false });
    expect((await store.agents.get(agent.agentId))?.status).toBe('deregistering');
    expect(await store.agents.listDeregistering()).toEqual([agent.agentId]);
    const late = await insertTask(store, aDelivery(agent.agentId));
    expect(late).toEqual({ outcome: 'agent_not_found' });
    expect((await tasksOf(store, agent)).map(({ state }) => state).sort()).toEqual([
      'cancelled',
      'cancelled',
      'scheduled',
      'scheduled',
      'scheduled',
    ]);

    expect(await step()).toMatchObject({ done: false });
    expect(await step()).toMatchObject({ agent: { agentId: agent.agentId }, done: true });
    expect(await step()).toBeUndefined();
    expect(await store.agents.listDeregistering()).toEqual([]);
    expect(await store.agents.get(agent.agentId)).toBeUndefined();
    const sent = await drain(store);
    expect(sent).toHaveLength(6);
    expect(sent.at(-1)).toBe('DEREGISTER');
  });

  it('needs one step more when the backlog is exactly one step long', async () => {
    const { store } = await open();
    const agent = await registered(store);
    for (let i = 0; i < 2; i += 1) await waiting(store, agent);
    const plan = removal(NOW, { limit: 2 });
    expect(await store.agents.remove(agent.agentId, plan)).toMatchObject({ done: false });
    expect(await store.agents.remove(agent.agentId, plan)).toMatchObject({ done: true });
  });

  it('leaves alone what is in flight, what has ended, and what is of others', async () => {
    const { store } = await open();
    const agent = await registered(store);
    const other = await registered(store);
    const delivered = await waiting(store, agent);
    const [held] = (await claim(store)).deliveries;
    await store.outbox.complete(asDelivered(held));
    const inFlight = await waiting(store, agent, {}, lease());
    const foreign = await waiting(store, other);
    const report = aDelivery(agent.agentId, { kind: 'state_report' });
    await store.agents.remove(agent.agentId, removal(NOW, { reportOf: () => report }));
    expect((await store.tasks.get(delivered.id))?.record.state).toBe('delivered');
    expect((await store.tasks.get(inFlight.id))?.record.state).toBe('scheduled');
    expect((await store.tasks.get(foreign.id))?.record.state).toBe('scheduled');
    expect(await claimIds(store)).toEqual([foreign.id]);
  });

  it('cancels what the asking worker holds and has not sent, and nothing that is sent or held by others', async () => {
    const { store } = await open();
    const agent = await registered(store);
    const until = NOW + LEASE_MS;
    const held = await waiting(store, agent, {}, { owner: 'me', until: until });
    const sent = await waiting(store, agent, {}, { owner: 'me', until: until });
    const foreign = await waiting(store, agent, {}, { owner: 'another', until: until });
    const reported: string[] = [];
    const outcome = await store.agents.remove(
      agent.agentId,
      removal(NOW, {
        reportOf: (task) => {
          reported.push(task.id);
          return undefined;
        },
        holder: { owner: 'me', isSent: (id) => id === sent.id },
      }),
    );
    expect(outcome).toMatchObject({ done: true });
    expect(reported).toEqual([held.id]);
    expect((await store.tasks.get(held.id))?.record.state).toBe('cancelled');
    expect((await store.tasks.get(sent.id))?.record.state).toBe('scheduled');
    expect((await store.tasks.get(foreign.id))?.record.state).toBe('scheduled');
    expect(await claimIds(store, { now: until })).toEqual([sent.id, foreign.id]);
  });

  it('asks inside the transaction whether it still applies; if not, nothing is done', async () => {
    const { store } = await open();
    const { agentId } = await registered(store);
    const agent = await updateAgent(store, agentId, { status: 'offline', offlineAt: 1_500 });
    const task = await waiting(store, agent);
    const asked: Agent[] = [];
    const plan = removal(NOW, {
      applies: (stored) => {
        asked.push(stored);
        return false;
      },
      reportOf: () => {
        throw new Error('asked for a report');
      },
      webhookOf: () => {
        throw new Error('asked for a webhook');
      },
    });
    expect(await store.agents.remove(agentId, plan)).toBeUndefined();
    expect(asked).toEqual([agent]);
    expect(await store.agents.get(agentId)).toEqual(agent);
    expect(await store.agents.listEvents(0, 10)).toEqual([]);
    expect((await store.tasks.get(task.id))?.record.state).toBe('scheduled');
    expect(await claimIds(store)).toEqual([task.id]);
  });

  it('takes the agent out of all that it is found by', async () => {
    const { store } = await open();
    const lease = { leaseSeconds: 1, leaseExpiresAt: 1_500, offlineAt: 1_600 };
    const agent = await registered(store, { capabilities: ['x'], metadata: { k: 1 }, ...lease });
    await store.agents.remove(agent.agentId, removal(NOW));
    expect(await agentsFound(store, { capabilities: ['x'] })).toEqual([]);
    expect(await agentsFound(store, { metadataKey: 'k' })).toEqual([]);
    expect(await agentsFound(store, { namePrefix: 'agent' })).toEqual([]);
    expect(await store.agents.listExpired(NOW, 10)).toEqual([]);
    expect(await store.agents.listOfflineSince(NOW, 10)).toEqual([]);
    expect(await store.agents.nextExpiryAt(1)).toBeNull();
  });

  it('ends what was held back as well, and lets what was in flight come to its end', async () => {
    const { store } = await open();
    const agent = await registered(store);
    await waiting(store, agent);
    const inFlight = await claimOne(store);
    const held = await waiting(store, agent);
    await updateAgent(
      store,
      agent.agentId,
      { status: 'offline' },
      { holdUntil: Number.MAX_SAFE_INTEGER },
    );
    await store.agents.remove(agent.agentId, removal(NOW));
    expect((await store.tasks.get(held.id))?.record.state).toBe('cancelled');
    await store.outbox.complete(asRetry(inFlight, 5_000));
    expect(await claimOne(store, { now: 5_000 })).toMatchObject({ id: inFlight.id, probe: false });
  });

  it('leaves the tasks readable after the agent has gone', async () => {
    const { store } = await open();
    const agent = await registered(store);
    const task = await waiting(store, agent);
    await store.agents.remove(agent.agentId, removal(NOW));
    expect((await store.tasks.get(task.id))?.record.agentId).toBe(agent.agentId);
  });
}
