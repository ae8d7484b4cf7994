import { expect, it } from 'vitest';
import { databaseWithClock } from '../../helpers/postgres-clock.ts';
import { aLease, claim, insert, openReplica, register } from './steps.ts';

const HOUR_MS = 3_600_000;

/** Half of the round trip of one statement, on a busy machine. */
const SKEW_MS = 500;

it.each([HOUR_MS, -HOUR_MS])(
  'a replica that joins after the database’s clock jumped by %i ms keeps the time of the others',
  async (jump) => {
    const database = await databaseWithClock();
    const first = await openReplica(database.url);
    const before = first.clock.now();
    await database.move(jump);
    const second = await openReplica(database.url);
    expect(Math.abs(second.clock.now() - first.clock.now())).toBeLessThan(SKEW_MS);
    expect(first.clock.now() - before).toBeLessThan(HOUR_MS / 2);

    // Neither takes what the other has under a lease.
    const { agentId } = await register(first);
    for (const [holder, other] of [
      [first, second],
      [second, first],
    ] as const) {
      await insert(holder, agentId, { lease: aLease(holder) });
      expect((await claim(other)).deliveries).toEqual([]);
    }
  },
);

it('the first replica after all others are gone goes by the database’s clock', async () => {
  const database = await databaseWithClock();
  const first = await openReplica(database.url);
  const before = first.clock.now();
  await first.store.close();
  await database.move(HOUR_MS);
  const second = await openReplica(database.url);
  expect(second.clock.now() - before).toBeGreaterThanOrEqual(HOUR_MS);
});
