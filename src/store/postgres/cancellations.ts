import type { Clock } from '../../clock.ts';
import { textArray } from './arrays.ts';
import { sql, type Database } from './database.ts';
import type { Tell } from './hints.ts';

const pendingOf = sql('cancellations_of', 'SELECT task_id FROM cancellations WHERE holder = $1');
const acknowledge = sql(
  'cancellations_acknowledge',
  'DELETE FROM cancellations WHERE holder = $1 AND task_id = ANY($2::text[])',
);
const isPending = sql('cancellations_pending', 'SELECT FROM cancellations WHERE task_id = $1');
const forget = sql('cancellations_forget', 'DELETE FROM cancellations WHERE task_id = $1');

/** The holder's word may get lost: the row is looked at so often. */
const LOOK_MS = 100;

/** How far the clocks of two replicas may be apart (anchored-clock.ts: some milliseconds, 50 after a drift). */
const SKEW_MS = 500;

interface Deps {
  readonly db: Database;
  readonly clock: Clock;
  readonly self: string;
  readonly tell: Tell;
  /** Lets go of a task that this replica may hold: no attempt of it starts once this has returned. */
  readonly drop: (taskId: string) => void;
}

/**
 * Cancelling what another replica may hold in memory (contract section 4: no attempt starts after the 200). Who cancels
 * ends the task in the database, so nobody gets it any more, and leaves a row for the holder; the holder lets go of the
 * task and deletes the row, and then the cancel is answered. A holder that is gone needs no answer: no attempt starts
 * after its lease's `startBy`. It costs nothing where nothing is cancelled.
 */
export class Cancellations {
  readonly #deps: Deps;
  readonly #waiting = new Map<string, () => void>();

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** As the holder: lets go of what others cancelled. */
  async answer(): Promise<void> {
    const { db, self, drop, tell } = this.#deps;
    const rows = await db.read(pendingOf, [self]);
    const taskIds = rows.map((row) => row['task_id'] as string);
    if (taskIds.length === 0) return;
    for (const taskId of taskIds) drop(taskId);
    await db.write(acknowledge, [self, textArray(taskIds)]);
    for (const taskId of taskIds) tell('freed', taskId);
  }

  /** A holder said that it let go. */
  freed(taskId: string): void {
    this.#waiting.get(taskId)?.();
  }

  /** As the one who cancels: waits for the holder's answer, or until the lease allows no attempt any more. */
  async settled(taskId: string, startBy: number): Promise<void> {
    const { db, clock } = this.#deps;
    while (clock.now() < startBy + SKEW_MS) {
      await this.#nextLook(taskId);
      if ((await db.read(isPending, [taskId])).length === 0) return;
    }
    await db.write(forget, [taskId]);
  }

  #nextLook(taskId: string): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(done, LOOK_MS);
      const before = this.#waiting.get(taskId);
      const waiting = this.#waiting;
      waiting.set(taskId, done);
      function done(): void {
        clearTimeout(timer);
        if (waiting.get(taskId) === done) waiting.delete(taskId);
        before?.();
        resolve();
      }
    });
  }
}
