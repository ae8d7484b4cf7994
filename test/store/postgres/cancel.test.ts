import { describe, expect, it } from 'vitest';
import { eventually } from '../../helpers/eventually.ts';
import { query } from '../../helpers/postgres.ts';
import {
  aLease,
  claim,
  delivered,
  insert,
  openReplicas,
  register,
  type OpenReplica,
} from './steps.ts';

/** What a worker does of it: it lets go of a task at once, unless its attempt has begun. */
function holder({ store }: OpenReplica, onCancelled: (taskId: string) => void): void {
  store.replica.listen({ onDue: () => undefined, onHeld: () => undefined, onCancelled });
}

async function setup() {
  const { url, replicas } = await openReplicas(2);
  const [holding, other] = replicas as [OpenReplica, OpenReplica];
  const agent = await register(holding);
  await holding.store.agents.get(agent.agentId);
  return { url, holding, other, agent };
}

describe('a cancel at one replica of a task that another holds', () => {
  it('is answered after the other has let go of it, and not before', async () => {
    const { holding, other, agent } = await setup();
    const dropped: string[] = [];
    holder(holding, (taskId) => dropped.push(taskId));
    const { id } = await insert(holding, agent.agentId, { lease: aLease(holding) });
    expect(await other.store.tasks.cancel(id, other.clock.now())).toBe('cancelled');
    expect(dropped).toEqual([id]);
    expect((await other.store.tasks.get(id))?.record.state).toBe('cancelled');
  });

  it('is answered within a second or so without hints, by polling', async () => {
    const { url, holding, other, agent } = await setup();
    const dropped: string[] = [];
    holder(holding, (taskId) => dropped.push(taskId));
    const { id } = await insert(holding, agent.agentId, { lease: aLease(holding) });
    await query(
      url,
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE datname = current_database() AND query LIKE '%pg_notify%' AND pid <> pg_backend_pid()`,
    );
    expect(await other.store.tasks.cancel(id, other.clock.now())).toBe('cancelled');
    expect(dropped).toEqual([id]);
  });

  it('waits for a holder that is silent until no attempt may start under its lease', async () => {
    const { url, holding, other, agent } = await setup();
    const now = holding.clock.now();
    const startBy = now + 700;
    // Its owner is not there (any more), as after a kill -9.
    const lease = { owner: 'gone', until: now + 60_000, startBy };
    const { id } = await insert(holding, agent.agentId, { lease });
    expect(await other.store.tasks.cancel(id, now)).toBe('cancelled');
    expect(other.clock.now()).toBeGreaterThanOrEqual(startBy);
    expect(await query(url, 'SELECT 1 FROM cancellations')).toEqual([]);
  });

  it('said twice is answered twice, and both times not before the other has let go', async () => {
    const { holding, other, agent } = await setup();
    const { id } = await insert(holding, agent.agentId, { lease: aLease(holding) });
    let dropped = 0;
    holder(holding, () => (dropped += 1));
    const answers = await Promise.all(
      [other, other, holding].map(async ({ store, clock }) => {
        const outcome = await store.tasks.cancel(id, clock.now());
        return { outcome, dropped };
      }),
    );
    for (const { outcome } of answers) expect(outcome).toBe('cancelled');
    expect(dropped).toBeGreaterThan(0);
    expect(answers.slice(0, 2).every((answer) => answer.dropped > 0)).toBe(true);
  });

  it('records the attempt that was in flight, and the state stays', async () => {
    const { holding, other, agent } = await setup();
    holder(holding, () => undefined);
    const { id } = await insert(holding, agent.agentId);
    const [held] = (await claim(holding)).deliveries;
    if (held === undefined) throw new Error('nothing was claimed');
    await other.store.tasks.cancel(id, other.clock.now());
    const completion = delivered(held, holding.clock.now());
    expect(await holding.store.outbox.complete(completion)).toBe('stale');
    expect(await holding.store.outbox.complete(completion)).toBe('stale');
    expect(await other.store.tasks.get(id)).toMatchObject({
      record: { state: 'cancelled', attemptCount: 1 },
      attempts: [completion.attempt],
    });
  });

  it('of a task that nobody holds, or that this replica holds, asks nobody', async () => {
    const { url, holding, other, agent } = await setup();
    const waiting = await insert(holding, agent.agentId);
    const own = await insert(holding, agent.agentId, { lease: aLease(other) });
    expect(await other.store.tasks.cancel(waiting.id, other.clock.now())).toBe('cancelled');
    expect(await other.store.tasks.cancel(own.id, other.clock.now())).toBe('cancelled');
    expect(await query(url, 'SELECT 1 FROM cancellations')).toEqual([]);
    expect((await claim(holding)).deliveries).toEqual([]);
  });

  it('races with completions and claims without a deadlock, and one of them wins', async () => {
    const { url, holding, other, agent } = await setup();
    holder(holding, () => undefined);
    for (let round = 0; round < 15; round += 1) {
      const tasks = await Promise.all(
        Array.from({ length: 8 }, () => insert(holding, agent.agentId)),
      );
      const { deliveries } = await claim(holding);
      const [ends, cancels] = await Promise.all([
        Promise.all(
          deliveries.map((held) =>
            holding.store.outbox.complete(delivered(held, holding.clock.now())),
          ),
        ),
        Promise.all(tasks.map(({ id }) => other.store.tasks.cancel(id, other.clock.now()))),
      ]);
      expect(ends.filter((end) => end === 'done')).toHaveLength(
        cancels.filter((cancel) => cancel === 'finished').length,
      );
    }
    await eventually(
      async () => (await query(url, 'SELECT 1 FROM cancellations')).length === 0,
      'every cancel is acknowledged',
    );
    expect(await query(url, 'SELECT 1 FROM schedule')).toEqual([]);
  });
});
