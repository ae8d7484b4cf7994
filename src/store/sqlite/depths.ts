import type { DatabaseSync } from 'node:sqlite';

/**
 * How many deliveries are scheduled per lane, for the cap on an agent's queue: counted once, then kept up in memory,
 * since one process does all the writing. A count costs what is waiting; keeping it costs nothing.
 */
export class LaneDepths {
  readonly #count;
  readonly #depths = new Map<string, number>();

  constructor(db: DatabaseSync) {
    this.#count = db.prepare(
      "SELECT count(*) AS depth FROM deliveries WHERE lane = ? AND state = 'scheduled'",
    );
  }

  of(lane: string): number {
    let depth = this.#depths.get(lane);
    if (depth === undefined) {
      depth = this.#count.get(lane)?.['depth'] as number;
      this.#depths.set(lane, depth);
    }
    return depth;
  }

  /** What is not known yet is not kept up: it is counted when it is asked for. */
  add(lane: string, change: number): void {
    const depth = this.#depths.get(lane);
    if (depth === undefined) return;
    // An empty lane is cheap to count again; forgetting it keeps the map as small as the backlog.
    if (depth + change === 0) this.#depths.delete(lane);
    else this.#depths.set(lane, depth + change);
  }

  /** After a rollback, the numbers are of a transaction that did not happen. */
  clear(): void {
    this.#depths.clear();
  }
}
