import { expect, it } from 'vitest';
import type { AgentEvent, Store } from '../../../src/store/store.ts';
import { anAgent } from '../../helpers/records.ts';
import { aSigningSecret } from '../../helpers/secrets.ts';
import { insertAgent, removal, updateAgent } from '../../helpers/store.ts';
import { NOW, agentsFound, deregistering, registered, type OpenStore } from './steps.ts';

export function agentEvents(open: OpenStore): void {
  async function listed(store: Store, since = 0, limit = 100): Promise<readonly AgentEvent[]> {
    const events = await store.agents.listEvents(since, limit);
    if (events === 'expired') throw new Error('expired');
    return events;
  }
  const seqs = (events: readonly AgentEvent[]) => events.map(({ seq }) => seq);

  /** `count` events, at 1,000, 1,001, ... */
  async function happened(store: Store, count: number): Promise<readonly AgentEvent[]> {
    const since = await store.agents.lastEvent();
    const { agentId } = await insertAgent(store, anAgent(), { event: 'registered' });
    for (let i = 1; i < count; i += 1) {
      await updateAgent(store, agentId, { updatedAt: 1_000 + i }, { event: 'updated' });
    }
    return listed(store, since);
  }

  it('are none in the beginning', async () => {
    const { store } = await open();
    await registered(store);
    expect(await store.agents.listEvents(await store.agents.lastEvent(), 10)).toEqual([]);
    expect(await listed(store)).toEqual([]);
  });

  it('tell, oldest first, what happened to each agent and what it was after that', async () => {
    const { store } = await open();
    const agent = anAgent({ capabilities: ['x'], metadata: { a: [1] } });
    const first = await insertAgent(store, agent, { event: 'registered' });
    const fields = { status: 'offline', offlineAt: 2_000, updatedAt: 2_000 } as const;
    const second = await updateAgent(store, agent.agentId, fields, { event: 'status' });
    const other = await insertAgent(store, anAgent(), { event: 'registered' });
    await store.agents.remove(agent.agentId, removal(3_000));
    const events = await listed(store);
    const { agentId } = agent;
    expect(events).toMatchObject([
      { type: 'registered', at: 1_000, agentId, agent: { agentId, status: 'online' } },
      { type: 'status', at: 2_000, agentId, agent: { agentId, status: 'offline' } },
      { type: 'registered', at: 1_000, agentId: other.agentId },
      { type: 'deregistered', at: 3_000, agentId, agent: null },
    ]);
    expect(seqs(events)).toEqual([...seqs(events)].sort((a, b) => a - b));
    const anySecret = { signingSecret: expect.any(String) as string };
    expect(events[0]?.agent).toEqual({ ...first, ...anySecret });
    expect(events[1]?.agent).toEqual({ ...second, ...anySecret });
    expect(events.slice(0, 3).map(({ seq }) => seq)).toEqual(
      [first, second, other].map(({ revision }) => revision),
    );
  });

  it('hold no secrets', async () => {
    const { store } = await open();
    const [old, fresh] = [aSigningSecret(), aSigningSecret()];
    const previousSecret = { secret: old, until: 9_000, hexUntil: 9_000 };
    const agent = anAgent({ signingSecret: fresh, previousSecret });
    await insertAgent(store, agent, { event: 'registered' });
    await updateAgent(store, agent.agentId, {}, { event: 'updated' });
    await store.agents.remove(agent.agentId, removal(NOW));
    const events = JSON.stringify(await listed(store));
    for (const secret of [old, fresh]) expect(events).not.toContain(secret);
  });

  it('can be followed from any of them on, some at a time', async () => {
    const { store } = await open();
    const events = await happened(store, 5);
    const all = seqs(events);
    expect(seqs(await listed(store, all[1]))).toEqual(all.slice(2));
    expect(seqs(await listed(store, all[1], 2))).toEqual(all.slice(2, 4));
    expect(await listed(store, all[4])).toEqual([]);
  });

  it('have a last one, which changes exactly when something about agents does', async () => {
    const { store } = await open();
    const seen = [await store.agents.lastEvent()];
    const note = async () => {
      seen.push(await store.agents.lastEvent());
      return seen.at(-1) !== seen.at(-2);
    };
    const agent = await insertAgent(store, anAgent(), { event: 'registered' });
    expect(await note()).toBe(true);
    await store.agents.heartbeat(agent.agentId, NOW);
    await updateAgent(store, agent.agentId, { lastSeenAt: NOW });
    await store.agents.change({ agentId: agent.agentId }, () => ({ result: 1, event: 'updated' }));
    expect(await note()).toBe(false);
    await updateAgent(store, agent.agentId, { version: '2' }, { event: 'updated' });
    expect(await note()).toBe(true);
    await store.agents.remove(agent.agentId, removal(NOW));
    expect(await note()).toBe(true);
    await store.agents.remove(agent.agentId, removal(NOW));
    expect(await note()).toBe(false);
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
  });

  it('tell that an agent is leaving, once, where that takes several steps', async () => {
    const { store } = await open();
    const { agentId, agentName } = await deregistering(store);
    const [event, ...more] = await listed(store);
    expect(more).toEqual([]);
    expect(event).toMatchObject({
      type: 'status',
      agentId,
      agent: { agentName, status: 'deregistering' },
    });
    expect(await store.agents.get(agentId)).toMatchObject({ revision: event?.seq });
    expect(await agentsFound(store, { status: 'deregistering' })).toEqual([agentName]);
    await store.agents.remove(agentId, removal(NOW));
    expect((await listed(store)).map(({ type }) => type)).toEqual(['status', 'deregistered']);
  });

  it('that are pruned are said to have expired to whoever has not read them', async () => {
    const { store } = await open();
    const all = seqs(await happened(store, 5));
    expect(await store.agents.pruneEvents(1_002, 100)).toBe(2);
    expect(await store.agents.listEvents(0, 10)).toBe('expired');
    expect(await store.agents.listEvents(all[0] ?? 0, 10)).toBe('expired');
    expect(seqs(await listed(store, all[1]))).toEqual(all.slice(2));
    expect(seqs(await listed(store, all[3]))).toEqual(all.slice(4));
  });

  it('are pruned in steps, the oldest first', async () => {
    const { store } = await open();
    const all = seqs(await happened(store, 5));
    expect(await store.agents.pruneEvents(1_004, 3)).toBe(3);
    expect(seqs(await listed(store, all[2]))).toEqual(all.slice(3));
    expect(await store.agents.pruneEvents(1_004, 3)).toBe(1);
    expect(await store.agents.pruneEvents(1_004, 3)).toBe(0);
    expect(seqs(await listed(store, all[3]))).toEqual(all.slice(4));
  });

  it('leave no gap that is not told of, even if the clock was set back between two', async () => {
    const { store } = await open();
    const { agentId } = await insertAgent(store, anAgent({ updatedAt: 5_000 }), {
      event: 'registered',
    });
    await updateAgent(store, agentId, { updatedAt: 1_000 }, { event: 'updated' });
    await updateAgent(store, agentId, { updatedAt: 6_000 }, { event: 'updated' });
    const all = seqs(await listed(store));
    await store.agents.pruneEvents(2_000, 100);
    const after = await store.agents.listEvents(all[0] ?? 0, 10);
    if (after !== 'expired') expect(seqs(after)).toEqual(all.slice(1));
  });

  it('may all be pruned: the last one stays known, and its number is not used again', async () => {
    const { store, reopen } = await open();
    await happened(store, 3);
    const last = await store.agents.lastEvent();
    expect(await store.agents.pruneEvents(9_000, 100)).toBe(3);
    const again = await reopen();
    expect(await again.agents.lastEvent()).toBe(last);
    expect(await again.agents.listEvents(last - 1, 10)).toBe('expired');
    expect(await listed(again, last)).toEqual([]);
    const next = await insertAgent(again, anAgent(), { event: 'registered' });
    expect(next.revision).toBeGreaterThan(last);
    expect(seqs(await listed(again, last))).toEqual([next.revision]);
  });
}
