import { StoreUnavailableError } from '../store.ts';

/** What became of one job of a batch; `again` = it collided with another of the same batch. */
export type Outcome<R> =
  { readonly value: R } | { readonly error: unknown } | { readonly again: true };

interface Options<J> {
  readonly maxJobs: number;
  /** Jobs with the same key do not share a batch: the second goes with the next. */
  readonly keyOf?: (job: J) => string | undefined;
  /** What a job adds to its batch, and how much a batch takes. */
  /** Told how many jobs each batch has. */
  readonly onBatch?: ((jobs: number) => void) | undefined;
  readonly weight?: { readonly of: (job: J) => number; readonly max: number };
}

interface Pending<J, R> {
  readonly job: J;
  readonly resolve: (value: R) => void;
  readonly reject: (reason: unknown) => void;
}

/**
 * Group commit without a timer: what one turn of the event loop brought, or the time of the flush in flight, goes out
 * as one transaction. An idle service answers at once, a busy one shares round trip and fsync.
 */
export class Batcher<J, R> {
  readonly #flush: (jobs: readonly J[]) => Promise<readonly Outcome<R>[]>;
  readonly #options: Options<J>;
  #queue: Pending<J, R>[] = [];
  #running: Promise<void> | undefined;

  constructor(flush: (jobs: readonly J[]) => Promise<readonly Outcome<R>[]>, options: Options<J>) {
    this.#flush = flush;
    this.#options = options;
  }

  run(job: J): Promise<R> {
    return new Promise<R>((resolve, reject) => {
      this.#queue.push({ job, resolve, reject });
      this.#running ??= this.#work();
    });
  }

  /** Resolves when nothing is waiting or in flight. */
  async drained(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  async #work(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#queue.length > 0) {
      const batch = this.#take();
      this.#options.onBatch?.(batch.length);
      await this.#run(batch);
    }
    this.#running = undefined;
  }

  #take(): Pending<J, R>[] {
    const { maxJobs, keyOf, weight } = this.#options;
    const batch: Pending<J, R>[] = [];
    const later: Pending<J, R>[] = [];
    const keys = new Set<string>();
    let weighed = 0;
    let index = 0;
    for (; index < this.#queue.length && batch.length < maxJobs; index += 1) {
      const pending = this.#queue[index] as Pending<J, R>;
      const key = keyOf?.(pending.job);
      if (key !== undefined && keys.has(key)) {
        later.push(pending);
        continue;
      }
      const own = weight?.of(pending.job) ?? 0;
      if (weight !== undefined && batch.length > 0 && weighed + own > weight.max) break;
      weighed += own;
      if (key !== undefined) keys.add(key);
      batch.push(pending);
    }
    this.#queue = [...later, ...this.#queue.slice(index)];
    return batch;
  }

  async #run(batch: readonly Pending<J, R>[]): Promise<void> {
    try {
      const outcomes = await this.#flush(batch.map(({ job }) => job));
      batch.forEach((pending, index) => this.#settle(pending, outcomes[index]));
    } catch (error) {
      if (batch.length === 1 || error instanceof StoreUnavailableError) {
        for (const pending of batch) pending.reject(error);
        return;
      }
      // One bad job must not fail its neighbours: after a failed batch each gets a transaction of its own.
      for (const pending of batch) await this.#run([pending]);
    }
  }

  #settle(pending: Pending<J, R>, outcome: Outcome<R> | undefined): void {
    if (outcome === undefined) pending.reject(new Error('a job of a batch has no outcome'));
    else if ('value' in outcome) pending.resolve(outcome.value);
    else if ('error' in outcome) pending.reject(outcome.error);
    else this.#queue.unshift(pending);
  }
}
