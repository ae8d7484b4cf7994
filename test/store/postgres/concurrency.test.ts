import { describe, expect, it } from 'vitest';
import type { LeasedDelivery } from '../../../src/outbox/delivery.ts';
import type { Agent } from '../../../src/store/store.ts';
import { eventually } from '../../helpers/eventually.ts';
import { query } from '../../helpers/postgres.ts';
import {
  aLease,
  aTask,
  claim,
  delivered,
  insert,
  openReplicas,
  register,
  type OpenReplica,
} from './steps.ts';

/** What a lane promises, whatever ran beside each other: it is due now, or before anything in it is. */
const FORGOTTEN = `
  SELECT s.lane, s.seq, s.due_at, l.due_at AS looked_at FROM schedule s LEFT JOIN lanes l ON l.lane = s.lane
  WHERE (l.lane IS NULL OR l.due_at > greatest(s.due_at, l.hold_until, $1::bigint))
    AND (NOT s.ordered OR s.seq = (SELECT min(h.seq) FROM schedule h WHERE h.lane = s.lane AND h.ordered))`;

describe('a lane that one replica empties while another stores into it', () => {
  it('is looked at again for what was stored', async () => {
    const { url, replicas } = await openReplicas(2);
    const [a, b] = replicas as [OpenReplica, OpenReplica];
    const agents = await Promise.all(Array.from({ length: 20 }, () => register(a)));
    for (let round = 0; round < 40; round += 1) {
      await Promise.all(agents.map(({ agentId }) => insert(b, agentId)));
      const claims = [claim(b), claim(b)];
      // Some before the claim looks, some while it takes, some while it raises the lanes.
      for (const { agentId } of agents) {
        await Promise.all([insert(a, agentId), insert(a, agentId)]);
      }
      for (const { deliveries } of await Promise.all(claims)) {
        await Promise.all(
          deliveries.map((one) => b.store.outbox.complete(delivered(one, b.clock.now()))),
        );
      }
      expect(await query(url, FORGOTTEN, [a.clock.now()])).toEqual([]);
    }
  });
});

describe('replicas doing everything at once', () => {
  it('lose nothing, forget no lane and never wait crosswise', { timeout: 60_000 }, async () => {
    const { url, replicas } = await openReplicas(3);
    const first = replicas[0] as OpenReplica;
    const agents = await Promise.all(Array.from({ length: 6 }, () => register(first)));
    const pick = () => (agents[Math.floor(Math.random() * agents.length)] as Agent).agentId;
    const held: LeasedDelivery[] = [];
    const tasks: string[] = [];
    for (const { store } of replicas) {
      store.replica.listen({
        onDue: () => undefined,
        onHeld: () => undefined,
        onCancelled: () => undefined,
      });
    }
    let steps = 0;

    const step = async (replica: OpenReplica): Promise<void> => {
      const { store, clock } = replica;
      const now = clock.now();
      const chance = Math.random();
      if (chance < 0.4) {
        const leased = Math.random() < 0.5;
        const task = aTask(pick(), now, { dueAt: now + Math.floor(Math.random() * 20) });
        const lease = aLease(replica);
        const { id, seq } = await insert(replica, task.agentId, {
          task,
          ...(leased ? { lease } : {}),
        });
        tasks.push(id);
        if (leased) {
          const rest = { epoch: 1, attemptCount: 0, unburntCount: 0, probe: false };
          held.push({ ...task, seq, leaseUntil: lease.until, ...rest });
        }
      } else if (chance < 0.55) {
        held.push(...(await claim(replica, { limit: 20, capacityOf: () => 4 })).deliveries);
      } else if (chance < 0.9) {
        const one = held.pop();
        if (one === undefined) return;
        const done = delivered(one, now);
        const way = Math.random();
        if (way < 0.5) await store.outbox.complete(done);
        else if (way < 0.75) {
          const { attempt, ...rest } = done;
          await store.outbox.complete({
            ...rest,
            ...(attempt === undefined ? {} : { attempt: { ...attempt, outcome: 'retry' } }),
            state: 'scheduled',
            dueAt: now + 5,
          });
        } else if (way < 0.9) {
          const followUp = aTask(one.agentId, now, { kind: 'state_report' });
          await store.outbox.complete({ ...done, state: 'dead', finishedAt: now, followUp });
        } else await store.outbox.release([one], now);
      } else if (chance < 0.93) {
        const id = tasks[Math.floor(Math.random() * tasks.length)];
        // Only what is not held by anybody: a holder here would have to let go of it.
        if (id !== undefined && !held.some((one) => one.id === id))
          await store.tasks.cancel(id, now);
      } else if (chance < 0.97) {
        await store.agents.change({ agentId: pick() }, (before) => ({
          result: undefined,
          ...(before === undefined ? {} : { write: before, event: 'updated' as const }),
          ...(Math.random() < 0.5
            ? { webhook: aTask(before?.agentId ?? '', now, { kind: 'webhook' }) }
            : {}),
          ...(Math.random() < 0.5 ? { holdUntil: Math.random() < 0.5 ? 0 : now + 20 } : {}),
        }));
      } else await store.agents.heartbeat(pick(), now);
    };

    const run = async (replica: OpenReplica): Promise<void> => {
      while (steps < 6_000) {
        steps += 1;
        await step(replica);
      }
    };
    await Promise.all(
      replicas.flatMap((replica) => Array.from({ length: 12 }, () => run(replica))),
    );

    expect(await query(url, FORGOTTEN, [first.clock.now()])).toEqual([]);
    const [deadlocks] = await query(
      url,
      'SELECT deadlocks::int AS count FROM pg_stat_database WHERE datname = current_database()',
    );
    expect(deadlocks).toEqual({ count: 0 });

    // What is left is all found by ordinary claims.
    const now = first.clock.now();
    await Promise.all(
      agents.map(({ agentId }) =>
        first.store.agents.change({ agentId }, (before) => ({
          result: undefined,
          ...(before === undefined ? {} : { write: { ...before, lastSeenAt: now } }),
          holdUntil: 0,
        })),
      ),
    );
    await first.store.outbox.release(held, first.clock.now());
    await eventually(async () => {
      for (const replica of replicas) {
        const { deliveries } = await claim(replica);
        await Promise.all(
          deliveries.map((one) => replica.store.outbox.complete(delivered(one, now))),
        );
      }
      const [left] = await query(url, 'SELECT count(*)::int AS count FROM schedule');
      return left?.['count'] === 0;
    }, 'everything ends');
    const ends = await query(
      url,
      "SELECT count(*)::int AS count FROM deliveries WHERE kind = 'task' AND state <> 'scheduled'",
    );
    expect(ends).toEqual([{ count: tasks.length }]);
  });
});
