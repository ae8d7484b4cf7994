import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { laneOf, type LeasedDelivery } from '../../../src/outbox/delivery.ts';
import { eventually } from '../../helpers/eventually.ts';
import { query } from '../../helpers/postgres.ts';
import {
  aLease,
  anAgent,
  aTask,
  claim,
  delivered,
  insert,
  openReplica,
  openReplicas,
  register,
  type OpenReplica,
} from './steps.ts';

const two = async () => {
  const { url, replicas } = await openReplicas(2);
  const [a, b] = replicas as [OpenReplica, OpenReplica];
  return { url, a, b, both: [a, b] as const };
};

describe('replicas on one database', () => {
  it('never claim the same delivery, and together claim all', async () => {
    const { a, b, both } = await two();
    const agents = await Promise.all(Array.from({ length: 7 }, () => register(a)));
    const stored = await Promise.all(
      Array.from({ length: 700 }, (_, i) => insert(i % 2 ? a : b, agents[i % 7]?.agentId ?? '')),
    );
    const taken: string[] = [];
    const claimAll = async (replica: OpenReplica) => {
      while (taken.length < stored.length) {
        const { deliveries } = await claim(replica, { limit: 20, capacityOf: () => 3 });
        taken.push(...deliveries.map(({ id }) => id));
      }
    };
    await Promise.all([claimAll(a), claimAll(a), claimAll(b), claimAll(b)]);
    expect(taken.length).toBe(stored.length);
    expect(taken.toSorted()).toEqual(stored.map(({ id }) => id).toSorted());
    expect(await Promise.all(both.map((r) => claim(r)))).toMatchObject([
      { deliveries: [] },
      { deliveries: [] },
    ]);
  });

  it('keep the order of an ordered lane, with one in flight, under failures', async () => {
    const { url, a, b } = await two();
    const agent = await register(a);
    const lane = laneOf('webhook', agent.agentId);
    const total = 60;
    let inFlight = 0;
    let storedCount = 0;
    const sent: string[] = [];

    const store = async (replica: OpenReplica) => {
      while (storedCount < total) {
        storedCount += 1;
        const name = String(storedCount);
        await replica.store.agents.change({ agentId: agent.agentId }, (before) => ({
          result: undefined,
          ...(before === undefined ? {} : { write: before }),
          webhook: aTask(agent.agentId, replica.clock.now(), { kind: 'webhook', name }),
        }));
      }
    };
    const work = async (replica: OpenReplica) => {
      while (sent.length < total) {
        for (const held of (await claim(replica)).deliveries) {
          inFlight += 1;
          expect(inFlight).toBe(1);
          const fails = Math.random() < 0.2;
          if (!fails) sent.push(held.name);
          inFlight -= 1;
          const now = replica.clock.now();
          await replica.store.outbox.complete(
            fails
              ? {
                  ...delivered(held, now),
                  attempt: { ...attemptOf(held, now), outcome: 'retry' },
                  state: 'scheduled',
                  dueAt: now,
                }
              : delivered(held, now),
          );
        }
      }
    };
    await Promise.all([store(a), store(b), work(a), work(b), work(a)]);
    // The order of acceptance is that of the seq.
    const rows = await query(
      url,
      `SELECT name FROM deliveries WHERE agent_id = $1 AND kind = 'webhook' ORDER BY seq`,
      [agent.agentId],
    );
    expect(sent).toEqual(rows.map((row) => row['name']));
    expect(await query(url, 'SELECT 1 FROM schedule WHERE lane = $1', [lane])).toEqual([]);
  });

  it('fence the completion of a lease that another took over', async () => {
    const { a, b } = await two();
    const agent = await register(a);
    await insert(a, agent.agentId);
    const now = a.clock.now();
    const [old] = (await claim(a, { lease: { owner: 'a', until: now + 1 } })).deliveries;
    let current: LeasedDelivery | undefined;
    await eventually(async () => {
      [current] = (await claim(b)).deliveries;
      return current !== undefined;
    }, 'the lease runs out');
    if (old === undefined || current === undefined) throw new Error('nothing was claimed');
    expect(current.epoch).toBe(old.epoch + 1);
    expect(await a.store.outbox.complete(delivered(old, now))).toBe('stale');
    expect(await b.store.outbox.complete(delivered(current, now))).toBe('done');
    expect((await a.store.tasks.get(old.id))?.attempts).toHaveLength(1);
  });

  it('store one task for an idempotency key that both are given at once', async () => {
    const { url, a, b } = await two();
    const agent = await register(a);
    for (let round = 0; round < 20; round += 1) {
      const results = await Promise.all(
        [a, b, a, b].map(({ store, clock }) =>
          store.tasks.insert(aTask(agent.agentId, clock.now()), {
            lease: undefined,
            idempotency: { key: `k${round}`, bodyHash: 'h' },
            queueLimit: 1_000,
          }),
        ),
      );
      expect(results.filter(({ outcome }) => outcome === 'inserted')).toHaveLength(1);
      expect(results.filter(({ outcome }) => outcome === 'repeated')).toHaveLength(3);
    }
    expect(await query(url, 'SELECT count(*)::int AS count FROM payloads')).toEqual([
      { count: 20 },
    ]);
  });

  it('register one agent for a name that 100 ask for at once, with one webhook', async () => {
    const { url, a, b } = await two();
    const results = await Promise.all(
      Array.from({ length: 100 }, (_, i) => {
        const { store, clock } = i % 2 ? a : b;
        const fresh = anAgent(clock.now(), { agentName: 'summarizer' });
        return store.agents.change({ agentName: 'summarizer' }, (before) =>
          before === undefined
            ? {
                result: true,
                write: fresh,
                token: { hash: randomUUID(), previousUntil: 0 },
                event: 'registered',
                webhook: aTask(fresh.agentId, clock.now(), { kind: 'webhook' }),
              }
            : { result: false, write: { ...before, lastSeenAt: clock.now() } },
        );
      }),
    );
    expect(results.filter(({ result }) => result)).toHaveLength(1);
    expect(new Set(results.map(({ agent }) => agent?.agentId)).size).toBe(1);
    expect(await query(url, 'SELECT count(*)::int AS count FROM deliveries')).toEqual([
      { count: 1 },
    ]);
  });

  it('show events in their order: none turns up later under a smaller seq', async () => {
    const { a, b } = await two();
    const total = 200;
    const seen: number[] = [];
    let stored = 0;
    const write = async (replica: OpenReplica) => {
      while (stored < total) {
        stored += 1;
        await register(replica);
      }
    };
    const follow = async ({ store }: OpenReplica) => {
      while (seen.length < total) {
        const events = await store.agents.listEvents(seen.at(-1) ?? 0, 1_000);
        if (events === 'expired') throw new Error('expired');
        seen.push(...events.map(({ seq }) => seq));
      }
    };
    await Promise.all([write(a), write(b), write(a), write(b), follow(b)]);
    expect(seen.slice(0, total)).toEqual(Array.from({ length: total }, (_, i) => i + 1));
    expect(await a.store.agents.lastEvent()).toBeGreaterThanOrEqual(total);
  });

  it('see what another changed of an agent within a second', async () => {
    const { a, b } = await two();
    const agent = await register(a);
    expect(await b.store.agents.get(agent.agentId)).toMatchObject({ version: '1.0.0' });
    await a.store.agents.change({ agentId: agent.agentId }, (before) => ({
      result: undefined,
      ...(before === undefined ? {} : { write: { ...before, version: '2.0.0' } }),
    }));
    const changedAt = performance.now();
    expect((await a.store.agents.get(agent.agentId))?.version).toBe('2.0.0');
    await eventually(
      async () => (await b.store.agents.get(agent.agentId))?.version === '2.0.0',
      'the other replica sees it',
    );
    expect(performance.now() - changedAt).toBeLessThan(2_000);
  });

  it('store no task for an agent that another is just removing', async () => {
    const { url, a, b } = await two();
    for (let round = 0; round < 10; round += 1) {
      const agent = await register(a);
      const options = { lease: aLease(b), idempotency: undefined, queueLimit: 1_000 };
      const [removed, ...inserted] = await Promise.all([
        a.store.agents.remove(agent.agentId, {
          at: a.clock.now(),
          limit: 100,
          applies: () => true,
          tasks: { state: 'cancelled', lastError: 'agent_deregistered' },
          reportOf: () => undefined,
          webhookOf: () => undefined,
        }),
        ...Array.from({ length: 5 }, () =>
          b.store.tasks.insert(aTask(agent.agentId, b.clock.now()), {
            ...options,
            lease: undefined,
          }),
        ),
      ]);
      expect(removed?.done).toBe(true);
      const accepted = inserted.filter(({ outcome }) => outcome === 'inserted').length;
      const [row] = await query(
        url,
        `SELECT count(*)::int AS count, count(*) FILTER (WHERE state = 'cancelled')::int AS cancelled
         FROM deliveries WHERE agent_id = $1`,
        [agent.agentId],
      );
      expect(row).toEqual({ count: accepted, cancelled: accepted });
    }
  });

  it('count each other, and a closed one no more', async () => {
    const { url, a, b } = await two();
    await eventually(() => a.store.replica.count() === 2 && b.store.replica.count() === 2);
    const c = await openReplica(url);
    await eventually(() => [a, b, c].every(({ store }) => store.replica.count() === 3));
    await c.store.close();
    await eventually(() => [a, b].every(({ store }) => store.replica.count() === 2));
  });

  it('lead one at a time, and take over when the one that leads is silent or closes', async () => {
    const { url, a, b } = await two();
    const c = await openReplica(url);
    expect(await a.store.replica.lead('sweep', 1_000, 500)).toEqual({ ledAt: null });
    expect(await b.store.replica.lead('sweep', 1_100, 500)).toBeUndefined();
    expect(await b.store.replica.lead('another', 1_100, 500)).toEqual({ ledAt: null });
    expect(await a.store.replica.lead('sweep', 1_400, 500)).toEqual({ ledAt: 1_000 });
    expect(await b.store.replica.lead('sweep', 1_899, 500)).toBeUndefined();
    expect(await b.store.replica.lead('sweep', 1_900, 500)).toEqual({ ledAt: 1_400 });
    expect(await a.store.replica.lead('sweep', 1_901, 500)).toBeUndefined();
    await c.store.replica.lead('third', 1_000, 500_000);
    await c.store.close();
    expect(await a.store.replica.lead('third', 1_001, 500)).toEqual({ ledAt: 1_000 });
  });

  it('tell each other that something is due', async () => {
    const { a, b } = await two();
    const agent = await register(a);
    let told = 0;
    b.store.replica.listen({
      onDue: () => (told += 1),
      onHeld: () => undefined,
      onCancelled: () => undefined,
    });
    await eventually(async () => {
      await insert(a, agent.agentId);
      return told > 0;
    }, 'the hint arrives');
  });
});

function attemptOf(held: LeasedDelivery, now: number) {
  const { attempt } = delivered(held, now);
  if (attempt === undefined) throw new Error('an attempt belongs to it');
  return attempt;
}
