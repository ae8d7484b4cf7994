import type { DatabaseSync } from 'node:sqlite';
import type { Worker } from 'node:worker_threads';
import { isOrdered } from '../../outbox/delivery.ts';
import { runBatch } from './batch.ts';
import { asUnavailable, unavailable } from './errors.ts';
import {
  decode,
  encode,
  type Answer,
  type Message,
  type OperationName,
  type Operations,
  type Part,
  type Request,
} from './writer-messages.ts';

interface Pending {
  readonly resolve: (value: never) => void;
  readonly reject: (reason: unknown) => void;
}

/** To be run on this connection. */
interface Job extends Pending {
  readonly work: () => unknown;
}

/** To be run by the writer thread. */
interface Order extends Pending {
  readonly build: () => Part<Request>;
}

/** What was posted in one message; `notes` come before the orders and their answers are nobody's. */
interface Batch {
  readonly orders: readonly Order[];
  readonly notes: number;
}

/** One being committed and one behind it, if that is full: the thread need not wait for the event loop then. */
const BATCHES_AHEAD = 2;

/**
 * So many are a full batch: they are committed before the turn of the event loop is over, while it reads on. Else all of
 * 64 connections would be read, then written, then answered, and two of three would wait at any time. Fewer wait for what
 * is being committed, and for more: a commit costs the same for 3 as for 30. (Accepting: 5 to 15 % more by the one, some
 * 5 % by the other.)
 */
const FULL_BATCH = 32;

/** Bounds how long one commit keeps what comes after it waiting. */
const LARGEST_BATCH = 512;

export interface GroupCommitOptions {
  readonly db: DatabaseSync;
  /** Starts when it is asked for the first time. */
  readonly startWriter: () => Worker;
  /** Drops what was cached from inside a transaction of `run` that did not happen. */
  readonly onRollback: () => void;
  /** Told how many writes share each transaction. */
  readonly onBatch?: ((writes: number) => void) | undefined;
}

/**
 * Everything that is written, in the order in which it was asked for. What one turn of the event loop asks for, or what
 * came while the last commit was under way, shares one transaction and one fsync: no timer, so an idle service answers
 * at once, and 64 requests that arrive together cost one commit (3,700 commits/s one by one, 112,000 rows/s in batches
 * of 50, measured on 2 cores).
 *
 * Two connections write in turn: `run` on this one, between two turns of the event loop; `send` on that of the writer
 * thread, for what comes often. Never both at once, so neither waits for the other's lock.
 */
export class GroupCommit {
  readonly #options: GroupCommitOptions;
  #writer: Worker | undefined;
  #queue: (Job | Order)[] = [];
  #isScheduled = false;
  /** Batches that the writer has not answered yet, the oldest first. */
  readonly #sent: Batch[] = [];
  /** Of the transaction under way on this connection, and of those before it that the writer has not heard of. */
  readonly #depthChanges = {
    uncommitted: new Map<string, number>(),
    committed: new Map<string, number>(),
  };
  #broken: Error | undefined;

  constructor(options: GroupCommitOptions) {
    this.#options = options;
  }

  /**
   * Runs `work` inside the next transaction of this connection; resolves with its result once that is on disk.
   * `work` may run twice (see `runBatch`), so it changes nothing but the database.
   */
  run<T>(work: () => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#enqueue({ work, resolve, reject });
    });
  }

  /**
   * Has the writer thread run an operation; resolves with its result once that is on disk. `build` is called when
   * everything asked for before is committed or on its way there: what it reads is what the operation will meet.
   * What it throws is the outcome, and nothing is written.
   */
  send<Name extends OperationName>(
    name: Name,
    build: () => {
      readonly request: Operations[Name]['request'];
      readonly bodies: readonly Uint8Array[];
    },
  ): Promise<Part<Operations[Name]['result']>> {
    return new Promise((resolve, reject) => {
      const order: Order = {
        build: () => {
          const { request, bodies } = build();
          return { content: { name, request }, bodies };
        },
        resolve,
        reject,
      };
      this.#enqueue(order);
    });
  }

  /** Said inside `run`: how many more or less wait in a lane. The writer hears of it when that is committed. */
  noteDepth(lane: string, change: number): void {
    if (isOrdered(lane)) return;
    addTo(this.#depthChanges.uncommitted, lane, change);
  }

  /** Resolves when everything asked for before is written, and the writer is gone. */
  async close(): Promise<void> {
    await this.run(() => undefined);
    const writer = this.#writer;
    if (writer === undefined || this.#broken !== undefined) return;
    writer.removeAllListeners();
    const gone = new Promise((resolve) => writer.once('exit', resolve));
    writer.postMessage('close');
    await gone;
  }

  #enqueue(entry: Job | Order): void {
    this.#queue.push(entry);
    const first = this.#queue[0] ?? entry;
    if (this.#queue.length === FULL_BATCH && !('work' in first)) this.#work();
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.#work();
    });
  }

  /** As much of the queue as may go now; the answers of the writer call again. */
  #work(): void {
    while (this.#queue.length > 0) {
      const first = this.#queue[0] as Job | Order;
      const isJob = 'work' in first;
      const ahead = isJob || this.#queue.length < FULL_BATCH ? 1 : BATCHES_AHEAD;
      if (this.#sent.length >= ahead) return;
      let end = 0;
      while (end < Math.min(this.#queue.length, LARGEST_BATCH)) {
        if ('work' in (this.#queue[end] as Job | Order) !== isJob) break;
        end += 1;
      }
      const batch = this.#queue.splice(0, end);
      if (isJob) this.#runHere(batch as Job[]);
      else this.#post(batch as Order[]);
    }
  }

  #runHere(jobs: readonly Job[]): void {
    this.#options.onBatch?.(jobs.length);
    const { uncommitted, committed } = this.#depthChanges;
    const settled = runBatch(
      this.#options.db,
      jobs.map(({ work }) => work),
      {
        committed: () => {
          for (const [lane, change] of uncommitted) addTo(committed, lane, change);
          uncommitted.clear();
        },
        rolledBack: () => {
          uncommitted.clear();
          this.#options.onRollback();
        },
      },
    );
    jobs.forEach((job, index) => {
      const result = settled[index] as (typeof settled)[number];
      if ('error' in result) job.reject(asUnavailable(result.error, 'write'));
      else job.resolve(result.value as never);
    });
  }

  #post(orders: readonly Order[]): void {
    const parts: Part<Request>[] = [];
    const posted: Order[] = [];
    for (const order of orders) {
      try {
        if (this.#broken !== undefined) throw this.#broken;
        parts.push(order.build());
        posted.push(order);
      } catch (error) {
        order.reject(asUnavailable(error, 'read'));
      }
    }
    if (posted.length === 0) return;
    this.#options.onBatch?.(posted.length);
    const notes = [...this.#depthChanges.committed].map(([lane, change]) => ({
      content: { name: 'noteDepth', request: { lane, change } } satisfies Request,
      bodies: [],
    }));
    this.#depthChanges.committed.clear();
    const message = encode([...notes, ...parts]);
    this.#writer ??= this.#start();
    this.#writer.postMessage(message, [message.bodies]);
    this.#sent.push({ orders: posted, notes: notes.length });
  }

  #start(): Worker {
    const writer = this.#options.startWriter();
    writer.on('message', (message: Message) => this.#settle(decode<Answer>(message)));
    writer.on('error', (error) => this.#fail(error));
    writer.on('exit', () => this.#fail(new Error('the writer thread has ended')));
    return writer;
  }

  #settle(answers: readonly Part<Answer>[]): void {
    const { orders, notes } = this.#sent.shift() as Batch;
    orders.forEach((order, index) => {
      const { content, bodies } = answers[notes + index] as Part<Answer>;
      if ('failure' in content) order.reject(asUnavailable(toError(content.failure), 'write'));
      else order.resolve({ content: content.value, bodies } as never);
    });
    this.#work();
  }

  /** The thread is gone: whether its last batches are on disk nobody can tell, so nobody is told that they are. */
  #fail(cause: unknown): void {
    this.#broken ??= unavailable('the writer thread of SQLite has failed', cause);
    for (const { orders } of this.#sent.splice(0)) {
      for (const order of orders) order.reject(this.#broken);
    }
    this.#work();
  }
}

function addTo(sums: Map<string, number>, key: string, change: number): void {
  sums.set(key, (sums.get(key) ?? 0) + change);
}

function toError({ message, errcode }: { message: string; errcode: number | null }): Error {
  return Object.assign(new Error(message), errcode === null ? {} : { errcode });
}
