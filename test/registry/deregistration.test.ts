import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { removal, updateAgent } from '../helpers/store.ts';
import { tempDir } from '../helpers/temp-dir.ts';
import { ANYBODY, REGISTRATION, eventsOf, giveTasks, sentToOpscore, setup } from './kit.ts';

describe('deregistering', () => {
  it('an agent without tasks is told to Ops-Core after its registration', async () => {
    const { registry, registered, deregistration, store, wakes, forgotten } = setup();
    const { agentId } = await registered();
    expect(await deregistration.deregister(agentId, ANYBODY)).toMatchObject({ agentId });
    expect(wakes()).toBeGreaterThan(0);
    expect(forgotten()).toBe(1);
    expect(eventsOf(await sentToOpscore(store))).toEqual(['REGISTER', 'DEREGISTER']);
    await expect(registry.get(agentId)).rejects.toMatchObject({ code: 'agent_not_found' });
  });

  it('of nobody fails', async () => {
    const { deregistration } = setup();
    await expect(deregistration.deregister('nobody', ANYBODY)).rejects.toMatchObject({
      code: 'agent_not_found',
    });
  });

  it('of somebody else fails, and nothing happens', async () => {
    const { registered, deregistration, store } = setup();
    const agent = await registered();
    const stranger = { kind: 'agent', agentId: 'another' } as const;
    await expect(deregistration.deregister(agent.agentId, stranger)).rejects.toMatchObject({
      code: 'forbidden',
    });
    expect(await store.agents.get(agent.agentId)).toEqual(agent);
    expect(eventsOf(await sentToOpscore(store))).toEqual(['REGISTER']);
  });

  it('reports each waiting task as undeliverable while Ops-Core still knows the agent', async () => {
    const { registered, deregistration, store, dropped } = setup();
    const { agentId } = await registered();
    const ids = await giveTasks(store, agentId, 3);
    await deregistration.deregister(agentId, ANYBODY);
    const sent = await sentToOpscore(store);
    expect(eventsOf(sent)).toEqual([
      'REGISTER',
      'state_report',
      'state_report',
      'state_report',
      'DEREGISTER',
    ]);
    const details = sent.slice(1, 4).map(({ body }) => body.details);
    expect(details.map((one) => one?.['opscore_task_id']).sort()).toEqual(['o0', 'o1', 'o2']);
    for (const one of details) {
      expect(one).toMatchObject({
        error_code: 'dispatch_failed',
        attempts: 0,
        last_error: 'agent_deregistered',
      });
    }
    expect(dropped.sort()).toEqual(ids.sort());
  });

  it('reports no task where reports are not configured', async () => {
    const { registered, deregistration, store } = setup({ webhooks: true, stateReports: false });
    const { agentId } = await registered();
    await giveTasks(store, agentId, 2);
    await deregistration.deregister(agentId, ANYBODY);
    expect(eventsOf(await sentToOpscore(store))).toEqual(['REGISTER', 'DEREGISTER']);
  });

  it('reports in the lane of reports where webhooks are not configured', async () => {
    const { registered, deregistration, store } = setup({ webhooks: false, stateReports: true });
    const { agentId } = await registered();
    await giveTasks(store, agentId, 2);
    await deregistration.deregister(agentId, ANYBODY);
    expect(eventsOf(await sentToOpscore(store))).toEqual(['state_report', 'state_report']);
  });

  it('with a backlog of more than one step goes on to the end', async () => {
    const { registered, deregistration, store } = setup();
    const { agentId } = await registered();
    await giveTasks(store, agentId, 1_001);
    await deregistration.deregister(agentId, ANYBODY);
    expect(
      await store.tasks.listOfAgent(agentId, { limit: 1, before: null, state: 'scheduled' }),
    ).toEqual({
      items: [],
      next: null,
    });
    const events = eventsOf(await sentToOpscore(store));
    expect(events).toHaveLength(1_003);
    expect(events.at(-1)).toBe('DEREGISTER');
    expect(events.filter((event) => event === 'DEREGISTER')).toHaveLength(1);
  });

  it('twice at the same moment is once', async () => {
    const { registered, deregistration, store } = setup();
    const { agentId } = await registered();
    const outcomes = await Promise.allSettled(
      [1, 2].map(() => deregistration.deregister(agentId, ANYBODY)),
    );
    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(eventsOf(await sentToOpscore(store))).toEqual(['REGISTER', 'DEREGISTER']);
  });
});

describe('an agent that was not heard of for too long', () => {
  async function offline(kit: ReturnType<typeof setup>) {
    const { agentId } = await kit.registered({ leaseSeconds: 30 });
    const [task = ''] = await giveTasks(kit.store, agentId, 1);
    const at = kit.clock.now();
    await updateAgent(kit.store, agentId, { status: 'offline', offlineAt: at });
    return { agentId, task, at };
  }

  it('leaves, and its tasks are dead letters', async () => {
    const kit = setup();
    const { agentId, task, at } = await offline(kit);
    await kit.deregistration.expire(agentId, at);
    expect(await kit.store.agents.get(agentId)).toBeUndefined();
    expect((await kit.store.tasks.get(task))?.record).toMatchObject({
      state: 'dead',
      lastError: 'agent_expired',
    });
    const sent = await sentToOpscore(kit.store);
    expect(eventsOf(sent)).toEqual(['REGISTER', 'state_report', 'DEREGISTER']);
    expect(sent[1]?.body.details).toMatchObject({ last_error: 'agent_expired' });
  });

  it('stays when it was heard of meanwhile, or is offline for less', async () => {
    const kit = setup();
    const { agentId, task, at } = await offline(kit);
    await kit.deregistration.expire(agentId, at - 1);
    await kit.registry.heartbeat(agentId, ANYBODY);
    await kit.deregistration.expire(agentId, at);
    expect(await kit.store.agents.get(agentId)).toMatchObject({ status: 'online' });
    expect((await kit.store.tasks.get(task))?.record.state).toBe('scheduled');
  });

  it('and has gone since is no reason to fail', async () => {
    const kit = setup();
    const { agentId, at } = await offline(kit);
    await kit.deregistration.deregister(agentId, ANYBODY);
    await expect(kit.deregistration.expire(agentId, at)).resolves.toBeUndefined();
  });
});

describe('a deregistration that a crash interrupted', () => {
  /** One step, and then the process was gone. */
  async function interrupted(changes: { offlineAt: number | null }) {
    const path = join(tempDir(), 'agentkit.db');
    const first = setup(undefined, path);
    const { agentId } = await first.registered();
    await updateAgent(first.store, agentId, changes);
    await giveTasks(first.store, agentId, 3);
    await first.store.agents.remove(agentId, removal(first.clock.now(), { limit: 1 }));
    await first.close();
    return { agentId, ...setup(undefined, path) };
  }

  it.each([
    ['goodbye', null, { state: 'cancelled', lastError: 'agent_deregistered' }],
    ['silence', 5_000, { state: 'dead', lastError: 'agent_expired' }],
  ] as const)('after its %s is finished at the next start', async (_why, offlineAt, end) => {
    const { agentId, registry, deregistration, store } = await interrupted({ offlineAt });
    await expect(registry.upsert(REGISTRATION, ANYBODY)).rejects.toMatchObject({
      code: 'agent_name_taken',
    });
    await deregistration.resume();
    await expect(registry.get(agentId)).rejects.toMatchObject({ code: 'agent_not_found' });
    expect(eventsOf(await sentToOpscore(store))).toEqual([
      'REGISTER',
      'state_report',
      'state_report',
      'DEREGISTER',
    ]);
    const { items } = await store.tasks.listOfAgent(agentId, { limit: 10, before: null });
    const ends = items.map(({ state, lastError }) => ({ state, lastError }));
    expect(ends.filter(({ state }) => state === end.state).length).toBeGreaterThanOrEqual(2);
    expect(ends).toContainEqual(end);
  });
});
