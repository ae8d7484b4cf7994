import { expect, it, onTestFinished } from 'vitest';
import { claim } from '../../../src/store/postgres/claim.ts';
import { detectMode } from '../../../src/store/postgres/connection.ts';
import { Database } from '../../../src/store/postgres/database.ts';
import { StoreUnavailableError } from '../../../src/store/store.ts';
import { emptyDatabase } from '../../helpers/postgres.ts';
import { aLease, insert, openReplica, register } from './steps.ts';

async function setup() {
  const url = await emptyDatabase();
  const replica = await openReplica(url);
  const { mode } = await detectMode(url);
  const db = new Database(url, mode);
  onTestFinished(() => db.close());
  const agent = await register(replica);
  const { id } = await insert(replica, agent.agentId);
  const request = {
    lease: aLease(replica),
    probeIntervalMs: 1_000,
    now: replica.clock.now(),
    limit: 10,
    maxBytes: 1_000_000,
    capacityOf: () => 10,
  };
  return { replica, db, id, request };
}

it('what was taken is told, although its lane could not be raised any more', async () => {
  const { db, id, request } = await setup();
  const transaction = db.transaction.bind(db);
  let transactions = 0;
  db.transaction = (work) => {
    transactions += 1;
    if (transactions > 1) return Promise.reject(new StoreUnavailableError('connection lost'));
    return transaction(work);
  };
  const claimed = await claim(db, request);
  expect(claimed.deliveries.map((delivery) => delivery.id)).toEqual([id]);
  // The lane stands lower than it should: it is looked at again soon, and found empty.
  expect(claimed.nextDueAt).toBeGreaterThan(request.now);
  expect(claimed.nextDueAt).toBeLessThan(request.now + 1_000);
  db.transaction = transaction;
  const after = await claim(db, { ...request, now: request.now + 100 });
  expect(after).toMatchObject({ deliveries: [], nextDueAt: request.lease.until });
});

it('fails when nothing was taken, and the lanes cannot be looked at', async () => {
  const { db, request } = await setup();
  await claim(db, request);
  db.read = () => Promise.reject(new StoreUnavailableError('connection lost'));
  await expect(claim(db, request)).rejects.toBeInstanceOf(StoreUnavailableError);
});
