import { describe, expect, it, onTestFinished } from 'vitest';
import { v7 as uuidv7 } from 'uuid';
import { StoreUnavailableError } from '../../../src/store/store.ts';
import { eventually } from '../../helpers/eventually.ts';
import { openPostgres } from '../../helpers/open-store.ts';
import { startPostgres } from '../../helpers/postgres-server.ts';
import { emptyDatabase, query } from '../../helpers/postgres.ts';
import { tcpProxy } from '../../helpers/tcp-proxy.ts';
import { aLease, aTask, claim, delivered, register, type OpenReplica } from './steps.ts';

async function ownServer() {
  const server = await startPostgres();
  onTestFinished(() => server.remove());
  return server;
}

async function open(url: string): Promise<OpenReplica> {
  const replica = await openPostgres(url);
  onTestFinished(() => replica.store.close());
  return replica;
}

describe('a PostgreSQL that is stopped as by a crash and started again, under load', () => {
  it('loses nothing acknowledged, refuses meanwhile, and is back by itself', async () => {
    const server = await ownServer();
    const replica = await open(server.url('postgres'));
    const { store, clock } = replica;
    const agent = await register(replica);
    const stored = new Set<string>();
    const ended = new Set<string>();
    const refusals: unknown[] = [];
    let running = true;

    const accept = async () => {
      while (running) {
        const now = clock.now();
        const task = aTask(agent.agentId, now, { id: uuidv7() });
        const lease = Math.random() < 0.5 ? aLease(replica) : undefined;
        const result = await store.tasks
          .insert(task, { lease, idempotency: undefined, queueLimit: 1e9 })
          .catch(refuse);
        if (result === undefined) continue;
        if (result.outcome !== 'inserted') throw new Error(result.outcome);
        stored.add(task.id);
        if (!result.leased) continue;
        const held = { seq: result.seq, epoch: 1, lane: task.lane, attemptCount: 0 };
        const end = await store.outbox.complete(delivered(held, now)).catch(refuse);
        if (end === 'done') ended.add(task.id);
      }
    };
    const refuse = async (error: unknown): Promise<undefined> => {
      refusals.push(error);
      await new Promise((resolve) => setTimeout(resolve, 5));
    };
    const load = Promise.all(Array.from({ length: 32 }, accept));

    for (let round = 1; round <= 3; round += 1) {
      const before = stored.size;
      await eventually(() => stored.size > before + 200, 'tasks are accepted');
      await server.stopImmediately();
      const refused = refusals.length;
      await eventually(() => refusals.length > refused + 32, 'tasks are refused');
      await expect(store.check()).rejects.toBeInstanceOf(StoreUnavailableError);
      await server.start();
      const backAt = performance.now();
      const during = stored.size;
      await eventually(() => stored.size > during, 'tasks are accepted again');
      expect(performance.now() - backAt).toBeLessThan(10_000);
    }
    running = false;
    await load;

    for (const error of refusals) expect(error).toBeInstanceOf(StoreUnavailableError);
    const rows = await query(server.url('postgres'), 'SELECT id, state FROM deliveries');
    const states = new Map(rows.map((row) => [row['id'], row['state']]));
    expect([...stored].filter((id) => !states.has(id))).toEqual([]);
    expect([...ended].filter((id) => states.get(id) !== 'delivered')).toEqual([]);
    expect((await claim(replica)).deliveries.length).toBeGreaterThan(0);
  }, 60_000);
});

describe('a replica that is cut off from its database without a word', () => {
  it('acknowledges nothing, says so at once when it has noticed, and is back by itself', async () => {
    const url = new URL(await emptyDatabase());
    const proxy = await tcpProxy(Number(url.port));
    url.port = String(proxy.port);
    const replica = await open(url.href);
    const agent = await register(replica);
    const insert = () =>
      replica.store.tasks.insert(aTask(agent.agentId, replica.clock.now()), {
        lease: aLease(replica),
        idempotency: undefined,
        queueLimit: 1_000,
      });
    const refusedAfter = async (): Promise<number> => {
      const askedAt = performance.now();
      await expect(insert()).rejects.toBeInstanceOf(StoreUnavailableError);
      return performance.now() - askedAt;
    };
    proxy.cut();
    // What is under way when it is cut off waits for an answer; what stands behind it does not wait anew.
    const first = await Promise.all(Array.from({ length: 1_500 }, refusedAfter));
    expect(Math.max(...first)).toBeLessThan(9_000);
    for (let n = 0; n < 100; n += 1) expect(await refusedAfter()).toBeLessThan(500);
    proxy.heal();
    await eventually(
      () =>
        insert().then(
          ({ outcome }) => outcome === 'inserted',
          () => false,
        ),
      'it is back',
    );
  }, 60_000);
});
