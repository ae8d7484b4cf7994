import { expect, it } from 'vitest';
import { aDelivery } from '../../helpers/records.ts';
import { removal, updateAgent } from '../../helpers/store.ts';
import {
  NOW,
  asDelivered,
  asRetry,
  claim,
  claimOne,
  failAll,
  registered,
  waiting,
  webhook,
  type OpenStore,
} from './steps.ts';

const none = { count: 0, more: false };
const nothing = { pending: none, dead: none, oldestPendingAt: null };

export function backlog(open: OpenStore): void {
  it('is nothing in an empty store', async () => {
    const { store } = await open();
    expect(await store.backlog(10)).toEqual({
      kinds: { task: nothing, webhook: nothing, state_report: nothing },
      agents: { online: none, unreachable: none, offline: none, deregistering: none },
      paused: none,
    });
  });

  it('tells per kind how much is pending and since when, and what is dead', async () => {
    const { store } = await open();
    const agent = await registered(store);
    await waiting(store, agent, { createdAt: 500 });
    await webhook(store, agent, 'REGISTER');
    await failAll(store);
    // In the hands of a worker, waiting for its next attempt, and waiting for its first.
    const retried = await waiting(store, agent, { createdAt: 1_100, name: 'retried' });
    await store.outbox.complete(asRetry(await claimOne(store), NOW + 60_000));
    await waiting(store, agent, { createdAt: 1_200 });
    await claim(store);
    await waiting(store, agent, { createdAt: 1_300 });
    await webhook(store, agent, 'DEREGISTER', { createdAt: 1_400 });

    const { kinds } = await store.backlog(10);
    expect(kinds).toEqual({
      task: {
        pending: { count: 3, more: false },
        dead: { count: 1, more: false },
        oldestPendingAt: retried.createdAt,
      },
      webhook: {
        pending: { count: 1, more: false },
        dead: { count: 1, more: false },
        oldestPendingAt: 1_400,
      },
      state_report: nothing,
    });
  });

  it('counts a report as one though it waits in the lane of the webhooks', async () => {
    const { store } = await open();
    const agent = await registered(store);
    await waiting(store, agent);
    const report = () =>
      aDelivery(agent.agentId, { kind: 'state_report', lane: `webhook:${agent.agentId}` });
    await store.agents.remove(agent.agentId, removal(NOW, { reportOf: report }));
    const { kinds } = await store.backlog(10);
    expect(kinds.state_report.pending).toEqual({ count: 1, more: false });
    expect(kinds.webhook.pending).toEqual(none);
    expect(kinds.task.pending).toEqual(none);
  });

  it('forgets what is delivered', async () => {
    const { store } = await open();
    const agent = await registered(store);
    await waiting(store, agent);
    await store.outbox.complete(asDelivered(await claimOne(store)));
    expect((await store.backlog(10)).kinds.task).toEqual(nothing);
  });

  it('tells agents by their status, and how many are paused', async () => {
    const { store } = await open();
    for (const status of ['online', 'online', 'unreachable', 'offline'] as const) {
      await registered(store, { status });
    }
    const held = await registered(store);
    await updateAgent(store, held.agentId, { pausedAt: NOW });
    const { agents, paused } = await store.backlog(10);
    expect(agents).toEqual({
      online: { count: 3, more: false },
      unreachable: { count: 1, more: false },
      offline: { count: 1, more: false },
      deregistering: none,
    });
    expect(paused).toEqual({ count: 1, more: false });
  });

  it('counts no further than asked, says so, and still finds the oldest of each kind', async () => {
    const { store } = await open();
    const agents = [await registered(store), await registered(store), await registered(store)];
    agents.sort((one, other) => (one.agentId < other.agentId ? 1 : -1));
    // The longest waiting one is in the lane that a count comes to last.
    for (const [index, agent] of agents.entries()) {
      await waiting(store, agent, { createdAt: 600 + index });
      await waiting(store, agent, { createdAt: 700 + index });
      await webhook(store, agent, 'REGISTER', { createdAt: 800 + index });
    }
    const { kinds, agents: counted } = await store.backlog(2);
    expect(kinds.task).toMatchObject({
      pending: { count: 2, more: true },
      oldestPendingAt: 600,
    });
    expect(kinds.webhook.pending).toEqual({ count: 2, more: true });
    expect(counted.online).toEqual({ count: 2, more: true });

    await failAll(store);
    const { kinds: ended } = await store.backlog(2);
    expect(ended.task.dead.count + ended.webhook.dead.count).toBeGreaterThanOrEqual(2);
    expect(ended.task.dead.more).toBe(true);
    expect(ended.webhook.dead.more).toBe(true);
    expect((await store.backlog(9)).kinds).toMatchObject({
      task: { dead: { count: 6, more: false } },
      webhook: { dead: { count: 3, more: false } },
    });
  });
}
