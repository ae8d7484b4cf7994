import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Agent, Store } from '../../../src/store/store.ts';
import { anyObject } from '../../helpers/any-text.ts';
import { aDelivery, anAgent, aToken } from '../../helpers/records.ts';
import { aSigningSecret } from '../../helpers/secrets.ts';
import { insertAgent, updateAgent } from '../../helpers/store.ts';
import {
  NOW,
  agentsFound,
  claimIds,
  registered,
  tasksOf,
  waiting,
  type OpenStore,
} from './steps.ts';

export function changingAgents(open: OpenStore): void {
  describe('inserting', () => {
    it('gives back what was inserted', async () => {
      const { store } = await open();
      const agent = anAgent({
        capabilities: ['summarize', 'перевод'],
        metadata: { nested: { list: [1, null, { deep: true }] }, ключ: '値 🚀', empty: {} },
        previousSecret: { secret: aSigningSecret(), until: 7_000, hexUntil: 6_000 },
        owner: 'starter',
        status: 'unreachable',
        registeredAt: 1_001,
        updatedAt: 1_002,
        lastSeenAt: 1_003,
        leaseSeconds: 30,
        leaseExpiresAt: 31_003,
        offlineAt: 1_004,
        unreachableAt: 1_005,
      });
      expect(await insertAgent(store, agent)).toEqual(agent);
      expect(await store.agents.get(agent.agentId)).toEqual(agent);
      expect((await store.agents.list({}, { limit: 10, after: null })).items).toEqual([agent]);
    });

    it('keeps any metadata whole', async () => {
      const { store } = await open();
      await fc.assert(
        fc.asyncProperty(anyObject, async (metadata) => {
          const { agentId } = await insertAgent(store, anAgent({ metadata }));
          const stored = await store.agents.get(agentId);
          expect(JSON.stringify(stored?.metadata)).toBe(JSON.stringify(metadata));
        }),
        { numRuns: 50 },
      );
    });

    it('is asked for with what is stored: nothing', async () => {
      const { store } = await open();
      for (const ref of [{ agentId: 'nobody' }, { agentName: 'nobody' }]) {
        const asked: (Agent | undefined)[] = [];
        const outcome = await store.agents.change(ref, (stored) => {
          asked.push(stored);
          return { result: 'nothing to do' };
        });
        expect(outcome).toEqual({ agent: undefined, result: 'nothing to do' });
        expect(asked).toEqual([undefined]);
      }
      expect(await store.agents.get('nobody')).toBeUndefined();
      expect(await agentsFound(store)).toEqual([]);
    });

    it('stores the agent, its webhook and its event together', async () => {
      const { store } = await open();
      const agent = anAgent();
      const webhook = aDelivery(agent.agentId, { kind: 'webhook', name: 'REGISTER' });
      await insertAgent(store, agent, { webhook, event: 'registered' });
      expect(await claimIds(store)).toEqual([webhook.id]);
      expect(await store.agents.listEvents(0, 10)).toMatchObject([{ agentId: agent.agentId }]);
    });

    it('stores none of them when one fails', async () => {
      const { store } = await open();
      const first = anAgent({ agentName: 'with a webhook' });
      const webhook = aDelivery(first.agentId, { kind: 'webhook' });
      await insertAgent(store, first, { webhook });
      const agent = anAgent({ capabilities: ['x'] });
      await expect(insertAgent(store, agent, { webhook, event: 'registered' })).rejects.toThrow();
      expect(await store.agents.get(agent.agentId)).toBeUndefined();
      expect(await agentsFound(store)).toEqual([first.agentName]);
      expect(await agentsFound(store, { capabilities: ['x'] })).toEqual([]);
      expect(await store.agents.listEvents(0, 10)).toEqual([]);
    });

    it('takes a token to prove itself with', async () => {
      const { store } = await open();
      const agent = anAgent();
      const change = store.agents.change({ agentId: agent.agentId }, () => ({
        result: undefined,
        write: agent,
      }));
      await expect(change).rejects.toThrow();
      expect(await store.agents.get(agent.agentId)).toBeUndefined();
    });

    it('takes a name once', async () => {
      const { store } = await open();
      const first = await registered(store, { agentName: 'summarizer' });
      const second = anAgent({ agentName: 'summarizer' });
      const webhook = aDelivery(second.agentId, { kind: 'webhook' });
      await expect(insertAgent(store, second, { webhook })).rejects.toThrow();
      expect(await store.agents.get(second.agentId)).toBeUndefined();
      expect(await store.agents.get(first.agentId)).toEqual(first);
      expect(await claimIds(store)).toEqual([]);
    });

    it('lets one of two win that take a name at the same moment', async () => {
      const { store } = await open();
      const outcomes = await Promise.allSettled(
        [anAgent({ agentName: 'same' }), anAgent({ agentName: 'same' })].map((agent) =>
          store.agents.change({ agentName: 'same' }, (stored) => {
            if (stored !== undefined) throw new Error(`taken by ${stored.agentId}`);
            return { result: agent.agentId, write: agent, token: aToken() };
          }),
        ),
      );
      const won = outcomes.flatMap((one) => (one.status === 'fulfilled' ? [one.value.result] : []));
      const lost = outcomes.flatMap((one) =>
        one.status === 'rejected' ? [(one.reason as Error).message] : [],
      );
      expect(won).toHaveLength(1);
      expect(lost).toEqual([`taken by ${String(won[0])}`]);
    });

    it('distinguishes names by every character', async () => {
      const { store } = await open();
      const names = ['agent', 'Agent', 'agent ', 'ágent', 'a\u0301gent'];
      for (const agentName of names) await registered(store, { agentName });
      for (const agentName of names) {
        const { result } = await store.agents.change({ agentName }, (stored) => ({
          result: stored?.agentName,
        }));
        expect(result).toBe(agentName);
      }
    });
  });

  describe('an update', () => {
    const everything: Partial<Agent> = {
      version: '2.0.0',
      contactEndpoint: 'http://127.0.0.1:9999/moved',
      capabilities: ['new'],
      metadata: { a: 1 },
      signingSecret: aSigningSecret(),
      previousSecret: { secret: aSigningSecret(), until: 9_000, hexUntil: 8_000 },
      owner: 'another',
      status: 'unreachable',
      updatedAt: 5_000,
      lastSeenAt: 5_001,
      leaseSeconds: 60,
      leaseExpiresAt: 65_001,
      offlineAt: 5_002,
      unreachableAt: 5_003,
    };

    it.each(['agentId', 'agentName'] as const)(
      'of the agent with that %s writes what the plan says',
      async (key) => {
        const { store } = await open();
        const before = await registered(store, { capabilities: ['old'], metadata: { b: 2 } });
        await registered(store);
        const webhook = aDelivery(before.agentId, { kind: 'webhook' });
        const asked: (Agent | undefined)[] = [];
        const after = { ...before, ...everything };
        const ref = key === 'agentId' ? { agentId: before[key] } : { agentName: before[key] };
        const outcome = await store.agents.change(ref, (stored) => {
          asked.push(stored);
          return { result: 'moved', write: after, webhook };
        });
        expect(outcome).toEqual({ agent: after, result: 'moved' });
        expect(asked).toEqual([before]);
        expect(await store.agents.get(before.agentId)).toEqual(after);
        expect(await claimIds(store)).toEqual([webhook.id]);
      },
    );

    it('is what the filters find from then on', async () => {
      const { store } = await open();
      const { agentId, agentName } = await registered(store, {
        capabilities: ['old', 'both'],
        metadata: { old: 1 },
      });
      await updateAgent(store, agentId, everything);
      expect(await agentsFound(store, { capabilities: ['new'] })).toEqual([agentName]);
      expect(await agentsFound(store, { capabilities: ['old'] })).toEqual([]);
      expect(await agentsFound(store, { metadataKey: 'a' })).toEqual([agentName]);
      expect(await agentsFound(store, { metadataKey: 'old' })).toEqual([]);
      expect(await agentsFound(store, { version: '2.0.0', status: 'unreachable' })).toEqual([
        agentName,
      ]);
    });

    it('that the plan does not ask for leaves all as it is', async () => {
      const { store } = await open();
      const agent = await registered(store);
      const task = await waiting(store, agent);
      const outcome = await store.agents.change({ agentId: agent.agentId }, () => ({
        result: 'fine',
        event: 'updated',
        webhook: aDelivery(agent.agentId, { kind: 'webhook' }),
        token: aToken({ hash: 'other' }),
        holdUntil: 9_000,
      }));
      expect(outcome).toEqual({ agent, result: 'fine' });
      expect(await store.agents.get(agent.agentId)).toEqual(agent);
      expect(await store.agents.listEvents(0, 10)).toEqual([]);
      expect(await store.agents.findByTokenHash('other', NOW)).toBeUndefined();
      expect(await claimIds(store)).toEqual([task.id]);
    });

    it('keeps its revision where it is no event', async () => {
      const { store } = await open();
      const { agentId } = await insertAgent(store, anAgent(), { event: 'registered' });
      const before = await store.agents.get(agentId);
      const after = await updateAgent(store, agentId, { lastSeenAt: 9_000 });
      expect(after).toEqual({ ...before, lastSeenAt: 9_000 });
      const changed = await updateAgent(store, agentId, { version: '2' }, { event: 'updated' });
      expect(changed.revision).toBeGreaterThan(after.revision);
      expect(await store.agents.get(agentId)).toEqual(changed);
    });

    it('is one transaction: none of those that come together is lost', async () => {
      const { store } = await open();
      const { agentId } = await registered(store, { version: '0' });
      const results = await Promise.all(
        Array.from({ length: 20 }, () =>
          store.agents.change({ agentId }, (stored) => {
            const version = Number(stored?.version) + 1;
            return { result: version, write: { ...(stored as Agent), version: String(version) } };
          }),
        ),
      );
      expect(results.map(({ result }) => result).sort((a, b) => a - b)).toEqual(
        Array.from({ length: 20 }, (_, i) => i + 1),
      );
      expect((await store.agents.get(agentId))?.version).toBe('20');
    });

    it('whose webhook cannot be stored is not made', async () => {
      const { store } = await open();
      const agent = await registered(store, { capabilities: ['old'] });
      const task = await waiting(store, agent);
      const webhook = aDelivery(agent.agentId, { kind: 'webhook', id: task.id });
      const change = { webhook, event: 'updated', token: aToken({ hash: 'other' }) } as const;
      await expect(updateAgent(store, agent.agentId, everything, change)).rejects.toThrow();
      expect(await store.agents.get(agent.agentId)).toEqual(agent);
      expect(await agentsFound(store, { capabilities: ['old'] })).toEqual([agent.agentName]);
      expect(await store.agents.listEvents(0, 10)).toEqual([]);
      expect(await store.agents.findByTokenHash('other', NOW)).toBeUndefined();
    });
  });

  describe('a plan that throws', () => {
    const refusal = new Error('not allowed');

    /** At the same moment: others, before and after it in the same transaction if there is one. */
    async function amongOthers(store: Store, refuse: () => Promise<unknown>) {
      const agent = await registered(store);
      const inserted = anAgent();
      const outcomes = await Promise.allSettled([
        updateAgent(store, agent.agentId, { version: '2' }),
        refuse(),
        insertAgent(store, inserted),
        waiting(store, agent),
      ]);
      expect((await store.agents.get(agent.agentId))?.version).toBe('2');
      expect(await store.agents.get(inserted.agentId)).toEqual(inserted);
      expect(await tasksOf(store, agent)).toHaveLength(1);
      return outcomes.map(({ status }) => status);
    }

    it('has what it threw passed on, writes nothing, and fails no neighbours', async () => {
      const { store } = await open();
      const refused = await registered(store);
      let refuse = Promise.resolve<unknown>(undefined);
      const outcomes = await amongOthers(store, () => {
        refuse = store.agents.change({ agentId: refused.agentId }, () => {
          throw refusal;
        });
        return refuse;
      });
      await expect(refuse).rejects.toBe(refusal);
      expect(outcomes).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled']);
      expect(await store.agents.get(refused.agentId)).toEqual(refused);
    });

    it('fails no neighbours with what the database refuses, either', async () => {
      const { store } = await open();
      const twin = await registered(store);
      const outcomes = await amongOthers(store, () =>
        insertAgent(store, anAgent({ agentName: twin.agentName })),
      );
      expect(outcomes).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled']);
    });
  });
}
