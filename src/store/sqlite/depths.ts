import type { DatabaseSync } from 'node:sqlite';

/** Told how many more or less wait in a lane, by whoever adds or ends deliveries. */
export interface DepthChanges {
  add(lane: string, change: number): void;
}

/**
 * How many deliveries are scheduled per lane, for the cap on an agent's queue: counted once, then kept up in memory,
 * since one process does all the writing. A count costs what is waiting; keeping it costs nothing.
 */
export class LaneDepths implements DepthChanges {
  readonly #count;
  readonly #depths = new Map<string, number>();
  /** Of the lanes that the transaction touched, what was known of them before. */
  readonly #before = new Map<string, number | undefined>();

  constructor(db: DatabaseSync) {
    this.#count = db.prepare(
      "SELECT count(*) AS depth FROM deliveries WHERE lane = ? AND state = 'scheduled'",
    );
  }

  of(lane: string): number {
    let depth = this.#depths.get(lane);
    if (depth === undefined) {
      depth = this.#count.get(lane)?.['depth'] as number;
      this.#touch(lane);
      this.#depths.set(lane, depth);
    }
    return depth;
  }

  /** What is not known yet is not kept up: it is counted when it is asked for. */
  add(lane: string, change: number): void {
    const depth = this.#depths.get(lane);
    if (depth === undefined) return;
    this.#touch(lane);
    // An empty lane is cheap to count again; forgetting it keeps the map as small as the backlog.
    if (depth + change === 0) this.#depths.delete(lane);
    else this.#depths.set(lane, depth + change);
  }

  committed(): void {
    this.#before.clear();
  }

  /** Back to what it was: to count again a queue of a million, for each request that a full disk refuses, takes 40 ms. */
  rolledBack(): void {
    for (const [lane, depth] of this.#before) {
      if (depth === undefined) this.#depths.delete(lane);
      else this.#depths.set(lane, depth);
    }
    this.#before.clear();
  }

  #touch(lane: string): void {
    if (!this.#before.has(lane)) this.#before.set(lane, this.#depths.get(lane));
  }
}
