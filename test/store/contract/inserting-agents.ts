import fc from 'fast-check';
import { expect, it } from 'vitest';
import { anyObject } from '../../helpers/any-text.ts';
import { aDelivery, anAgent } from '../../helpers/records.ts';
import { NOW, claimIds, registered, type OpenStore } from './steps.ts';

export function insertingAgents(open: OpenStore): void {
  it('gives back what was inserted', async () => {
    const { store } = await open();
    const agent = anAgent({
      capabilities: ['summarize', 'перевод'],
      metadata: { nested: { list: [1, null, { deep: true }] }, ключ: '値 🚀', empty: {} },
    });
    expect(await store.agents.insert(agent, undefined)).toBe('inserted');
    expect(await store.agents.get(agent.agentId)).toEqual(agent);
    expect((await store.agents.list({}, { limit: 10, after: null })).items).toEqual([agent]);
  });

  it('keeps any metadata whole', async () => {
    const { store } = await open();
    await fc.assert(
      fc.asyncProperty(anyObject, async (metadata) => {
        const agent = anAgent({ metadata });
        await store.agents.insert(agent, undefined);
        const stored = await store.agents.get(agent.agentId);
        expect(JSON.stringify(stored?.metadata)).toBe(JSON.stringify(metadata));
      }),
      { numRuns: 50 },
    );
  });

  it('knows no agent that was not inserted', async () => {
    const { store } = await open();
    expect(await store.agents.get('nobody')).toBeUndefined();
    expect(await store.agents.touch('nobody', NOW)).toBeUndefined();
    expect(await store.agents.list({}, { limit: 10, after: null })).toEqual({
      items: [],
      next: null,
    });
  });

  it('stores the agent and its webhook together', async () => {
    const { store } = await open();
    const agent = anAgent();
    const webhook = aDelivery(agent.agentId, { kind: 'webhook', name: 'REGISTER' });
    await store.agents.insert(agent, webhook);
    expect(await claimIds(store)).toEqual([webhook.id]);
  });

  it('stores neither when one of them fails', async () => {
    const { store } = await open();
    const first = await registered(store);
    const webhook = aDelivery(first.agentId, { kind: 'webhook' });
    await store.agents.insert(anAgent({ agentName: 'with a webhook' }), webhook);
    const agent = anAgent();
    await expect(store.agents.insert(agent, webhook)).rejects.toThrow();
    expect(await store.agents.get(agent.agentId)).toBeUndefined();
    expect((await store.agents.list({}, { limit: 10, after: null })).items).toHaveLength(2);
  });

  it('takes a name once, and writes nothing for the second', async () => {
    const { store } = await open();
    const first = await registered(store, { agentName: 'summarizer' });
    const second = anAgent({ agentName: 'summarizer' });
    const webhook = aDelivery(second.agentId, { kind: 'webhook' });
    expect(await store.agents.insert(second, webhook)).toBe('name_taken');
    expect(await store.agents.get(second.agentId)).toBeUndefined();
    expect(await store.agents.get(first.agentId)).toEqual(first);
    expect(await claimIds(store)).toEqual([]);
  });

  it('lets one of two agents win that take a name at the same moment', async () => {
    const { store } = await open();
    const outcomes = await Promise.all(
      ['a', 'b'].map(() => store.agents.insert(anAgent({ agentName: 'summarizer' }), undefined)),
    );
    expect(outcomes.sort()).toEqual(['inserted', 'name_taken']);
  });

  it('distinguishes names by every character', async () => {
    const { store } = await open();
    for (const agentName of ['agent', 'Agent', 'agent ', 'ágent', 'a\u0301gent']) {
      expect(await store.agents.insert(anAgent({ agentName }), undefined)).toBe('inserted');
    }
  });

  it('touch notes when an agent was heard of, and never an earlier time', async () => {
    const { store } = await open();
    const agent = await registered(store);
    expect(await store.agents.touch(agent.agentId, 9_000)).toEqual({
      ...agent,
      lastSeenAt: 9_000,
    });
    expect((await store.agents.touch(agent.agentId, 8_000))?.lastSeenAt).toBe(9_000);
    expect(await store.agents.get(agent.agentId)).toEqual({ ...agent, lastSeenAt: 9_000 });
  });
}
