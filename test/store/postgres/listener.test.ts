import { expect, it } from 'vitest';
import { eventually } from '../../helpers/eventually.ts';
import { emptyDatabase, query } from '../../helpers/postgres.ts';
import { tcpProxy } from '../../helpers/tcp-proxy.ts';
import { aLease, insert, openReplica, register } from './steps.ts';

const LISTENING = 'LISTEN agentkit';

async function setup() {
  const direct = await emptyDatabase();
  const through = new URL(direct);
  const proxy = await tcpProxy(Number(through.port));
  through.port = String(proxy.port);
  const [a, b] = [await openReplica(direct), await openReplica(through.href)];
  const hints = { due: 0, dropped: [] as string[] };
  b.store.replica.listen({
    onDue: () => (hints.due += 1),
    onHeld: () => undefined,
    onCancelled: (taskId) => hints.dropped.push(taskId),
  });
  await eventually(() => proxy.count(LISTENING) === 1, 'it listens');
  return { direct, a, b, proxy, hints, agent: await register(a) };
}

it('notices that its LISTEN is severed without a word, and listens again', async () => {
  const { a, proxy, hints, agent } = await setup();
  proxy.freeze(LISTENING);
  await eventually(() => proxy.count(LISTENING) === 1, 'it listens on another connection');
  hints.due = 0;
  await eventually(async () => {
    await insert(a, agent.agentId);
    return hints.due > 0;
  }, 'a hint arrives');
});

it('lets go of what is cancelled elsewhere although its LISTEN is severed', async () => {
  const { a, b, proxy, hints, agent } = await setup();
  const { id } = await insert(b, agent.agentId, { lease: aLease(b) });
  proxy.freeze(LISTENING);
  const askedAt = performance.now();
  expect(await a.store.tasks.cancel(id, a.clock.now())).toBe('cancelled');
  expect(hints.dropped).toEqual([id]);
  expect(performance.now() - askedAt).toBeLessThan(4_000);
});

it('listens again after its connection was closed', async () => {
  const { direct, proxy } = await setup();
  await query(
    direct,
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
     WHERE datname = current_database() AND pid <> pg_backend_pid()`,
  );
  await eventually(() => proxy.count(LISTENING) === 0, 'it is closed');
  await eventually(() => proxy.count(LISTENING) === 1, 'it listens again');
});
