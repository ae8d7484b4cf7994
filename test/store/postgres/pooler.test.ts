import { expect, it, onTestFinished } from 'vitest';
import { eventually } from '../../helpers/eventually.ts';
import { openPostgres } from '../../helpers/open-store.ts';
import { emptyDatabase } from '../../helpers/postgres.ts';
import { transactionPooler } from '../../helpers/transaction-pooler.ts';
import { aLease, claim, delivered, insert, openReplica, register } from './steps.ts';

it('works through a transaction-mode pooler, by polling', { timeout: 60_000 }, async () => {
  const url = new URL(await emptyDatabase());
  const pooler = await transactionPooler({
    port: Number(url.port),
    database: url.pathname.slice(1),
    password: url.password,
  });
  const direct = await openReplica(url.href);
  url.port = String(pooler.port);
  const notices: string[] = [];
  const pooled = await openPostgres(url.href, {
    onNotice: (message) => notices.push(message),
  });
  onTestFinished(() => pooled.store.close());
  expect(notices).toEqual([expect.stringContaining('pooler')]);

  const agent = await register(pooled);
  await Promise.all(Array.from({ length: 50 }, () => insert(pooled, agent.agentId)));
  const { deliveries } = await claim(pooled);
  expect(deliveries).toHaveLength(50);
  const ends = await Promise.all(
    deliveries.map((held) => pooled.store.outbox.complete(delivered(held, pooled.clock.now()))),
  );
  expect(ends.every((end) => end === 'done')).toBe(true);

  // What another replica cancels reaches it by polling.
  const dropped: string[] = [];
  pooled.store.replica.listen({
    onDue: () => undefined,
    onHeld: () => undefined,
    onCancelled: (taskId) => dropped.push(taskId),
  });
  const { id } = await insert(pooled, agent.agentId, { lease: aLease(pooled) });
  await direct.store.tasks.cancel(id, direct.clock.now());
  expect(dropped).toEqual([id]);
  await eventually(() => notices.some((notice) => notice.includes('polling')), 'it says so');
});
