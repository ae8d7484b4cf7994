import { expect, it } from 'vitest';
import type { Agent } from '../../../src/store/store.ts';
import { aDelivery, anAgent } from '../../helpers/records.ts';
import { claimIds, deregistering, registered, type OpenStore } from './steps.ts';

export function upsertingAgents(open: OpenStore): void {
  it('inserts an agent of a new name, with its webhook', async () => {
    const { store } = await open();
    const agent = anAgent();
    const webhook = aDelivery(agent.agentId, { kind: 'webhook' });
    const asked: Agent[] = [];
    const outcome = await store.agents.upsert(agent, (stored) => {
      asked.push(stored);
      return webhook;
    });
    expect(outcome).toEqual({ agent, created: true });
    expect(asked).toEqual([agent]);
    expect(await store.agents.get(agent.agentId)).toEqual(agent);
    expect(await claimIds(store)).toEqual([webhook.id]);
  });

  it('changes the agent of that name, which keeps its id, secret and registration time', async () => {
    const { store } = await open();
    const before = await registered(store, { agentName: 'summarizer' });
    expect(await store.agents.get(before.agentId)).toEqual(before);
    const again = anAgent({
      agentName: 'summarizer',
      version: '2.0.0',
      contactEndpoint: 'http://127.0.0.1:9999/moved',
      capabilities: ['new'],
      metadata: { a: 1 },
      signingSecret: 'whsec_AAAA',
      registeredAt: 5_000,
      updatedAt: 5_000,
      lastSeenAt: 5_000,
    });
    const expected: Agent = {
      ...again,
      agentId: before.agentId,
      signingSecret: before.signingSecret,
      registeredAt: before.registeredAt,
    };
    const webhook = aDelivery(before.agentId, { kind: 'webhook' });
    const asked: Agent[] = [];
    const outcome = await store.agents.upsert(again, (stored) => {
      asked.push(stored);
      return webhook;
    });
    expect(outcome).toEqual({ agent: expected, created: false });
    expect(asked).toEqual([expected]);
    expect(await store.agents.get(before.agentId)).toEqual(expected);
    expect(await store.agents.get(again.agentId)).toBeUndefined();
    expect(await claimIds(store)).toEqual([webhook.id]);
  });

  it('notes that an unchanged agent was heard of, and asks for no webhook', async () => {
    const { store } = await open();
    const before = await registered(store, { agentName: 'summarizer', metadata: { a: [1] } });
    const again = { ...before, agentId: 'other', updatedAt: 5_000, lastSeenAt: 5_000 };
    const outcome = await store.agents.upsert(again, () => {
      throw new Error('asked for a webhook');
    });
    expect(outcome).toEqual({ agent: { ...before, lastSeenAt: 5_000 }, created: false });
    expect(await store.agents.get(before.agentId)).toEqual(outcome?.agent);
  });

  it.each([
    { version: '2' },
    { contactEndpoint: 'http://127.0.0.1:1/' },
    { capabilities: ['x'] },
    { metadata: { x: 1 } },
  ])('counts %o as a change', async (change) => {
    const { store } = await open();
    const before = await registered(store);
    let asked = 0;
    await store.agents.upsert({ ...before, ...change }, () => {
      asked += 1;
      return undefined;
    });
    expect(asked).toBe(1);
    expect(await store.agents.get(before.agentId)).toMatchObject(change);
  });

  it('leaves an agent alone that is just being deregistered', async () => {
    const { store } = await open();
    const agent = await deregistering(store);
    const webhookOf = () => {
      throw new Error('asked for a webhook');
    };
    expect(await store.agents.upsert({ ...agent, version: '2' }, webhookOf)).toBeUndefined();
    expect((await store.agents.get(agent.agentId))?.version).toBe(agent.version);
  });
}
