import { describe, expect, it } from 'vitest';
import { Batcher, type Outcome } from '../../../src/store/postgres/batcher.ts';
import { StoreUnavailableError } from '../../../src/store/store.ts';

describe('group commit', () => {
  function collecting(outcomeOf: (job: number) => Outcome<number> = (job) => ({ value: job })) {
    const batches: number[][] = [];
    return {
      batches,
      flush: async (jobs: readonly number[]) => {
        batches.push([...jobs]);
        return jobs.map(outcomeOf);
      },
    };
  }

  it('puts what one turn brought into one batch, and what the flush in flight brought into the next', async () => {
    const { batches, flush } = collecting();
    const late: Promise<number>[] = [];
    const batcher: Batcher<number, number> = new Batcher(
      (jobs) => {
        if (jobs.includes(1)) late.push(batcher.run(4), batcher.run(5));
        return flush(jobs);
      },
      { maxJobs: 100 },
    );
    expect(await Promise.all([1, 2, 3].map((job) => batcher.run(job)))).toEqual([1, 2, 3]);
    expect(await Promise.all(late)).toEqual([4, 5]);
    expect(batches).toEqual([
      [1, 2, 3],
      [4, 5],
    ]);
  });

  it('keeps to its limits, in the order of asking', async () => {
    const { batches, flush } = collecting();
    const batcher = new Batcher(flush, { maxJobs: 3, weight: { of: (job) => job, max: 10 } });
    await Promise.all([5, 5, 1, 20, 1, 1, 1, 1].map((job) => batcher.run(job)));
    expect(batches).toEqual([[5, 5], [1], [20], [1, 1, 1], [1]]);
  });

  it('leaves what has the same key to the next batch', async () => {
    const { batches, flush } = collecting();
    const batcher = new Batcher(flush, { maxJobs: 10, keyOf: (job) => String(job % 10) });
    await Promise.all([1, 2, 11, 21, 3].map((job) => batcher.run(job)));
    expect(batches).toEqual([[1, 2, 3], [11], [21]]);
  });

  it('runs again what collided inside the batch', async () => {
    let tries = 0;
    const { batches, flush } = collecting((job) =>
      job === 2 && (tries += 1) === 1 ? { again: true } : { value: job },
    );
    const batcher = new Batcher(flush, { maxJobs: 10 });
    expect(await Promise.all([1, 2].map((job) => batcher.run(job)))).toEqual([1, 2]);
    expect(batches).toEqual([[1, 2], [2]]);
  });

  it('gives each job a batch of its own when one spoils it', async () => {
    const batcher = new Batcher(
      async (jobs: readonly number[]) => {
        if (jobs.includes(2)) throw new Error('bad job');
        return jobs.map((job) => ({ value: job }));
      },
      { maxJobs: 10 },
    );
    const results = await Promise.allSettled([1, 2, 3].map((job) => batcher.run(job)));
    expect(results).toMatchObject([{ value: 1 }, { reason: { message: 'bad job' } }, { value: 3 }]);
  });

  it('asks only once of a database that is away', async () => {
    let asked = 0;
    const batcher = new Batcher<number, number>(
      async () => {
        asked += 1;
        throw new StoreUnavailableError('away');
      },
      { maxJobs: 10 },
    );
    const results = await Promise.allSettled([1, 2, 3].map((job) => batcher.run(job)));
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    expect(asked).toBe(1);
  });
});
