import { bigintArray, textArray } from './arrays.ts';
import { sql, type Database } from './database.ts';

// Counts no further than the limit: what is beyond does not matter.
const count = sql(
  'lane_depths',
  `SELECT u.lane, (SELECT count(*)::integer FROM (
      SELECT FROM schedule s WHERE s.lane = u.lane AND NOT s.ordered LIMIT u.cap) c) AS depth
  FROM unnest($1::text[], $2::bigint[]) AS u (lane, cap)`,
);

interface Depth {
  /** At least as many as are scheduled, as far as this replica knows. */
  atMost: number;
  countedAt: number;
}

/**
 * What other replicas store shows in a count that is at most so old: a second when the queue is nearly full, 10 s where a
 * million more would fit, which no replicas store in that time.
 */
const STALE_MS = 1_000;
const STALE_MS_PER_FREE_PLACE = 0.01;

/** A count costs some 0.1 µs a row (a million: a tenth of a second), and may take up 1 % of the time. */
const REST_MS_PER_ROW = 0.01;

const MAX_STALE_MS = 60_000;
const MAX_KNOWN = 50_000;

/**
 * How many deliveries are scheduled per lane, for the cap on an agent's queue. Counted, then kept up in memory by what
 * this replica does; counted again before a task is refused, and now and then for the sake of other replicas. So one replica keeps to the cap exactly, and N together overshoot it by what they
 * accept between two counts.
 */
export class LaneDepths {
  readonly #db: Database;
  readonly #known = new Map<string, Depth>();

  constructor(db: Database) {
    this.#db = db;
  }

  /** Whether each of these tasks, in their order, has a place in its lane; those that do are counted in. */
  async admit(tasks: readonly (readonly [lane: string, limit: number])[]): Promise<boolean[]> {
    await this.#count(this.#unclear(tasks));
    return tasks.map(([lane, limit]) => {
      const depth = this.#known.get(lane);
      if (depth === undefined) return true;
      const admitted = depth.atMost < limit;
      // What is refused is taken back by the caller like everything that was not stored.
      depth.atMost += 1;
      return admitted;
    });
  }

  add(lane: string, change: number): void {
    const depth = this.#known.get(lane);
    if (depth !== undefined) depth.atMost = Math.max(0, depth.atMost + change);
  }

  /** Lanes to count, and how far. */
  #unclear(tasks: readonly (readonly [lane: string, limit: number])[]): Map<string, number> {
    const now = performance.now();
    const unclear = new Map<string, number>();
    const asked = new Map<string, number>();
    for (const [lane, limit] of tasks) {
      const more = (asked.get(lane) ?? 0) + 1;
      asked.set(lane, more);
      const depth = this.#known.get(lane);
      const age = depth === undefined ? Number.POSITIVE_INFINITY : now - depth.countedAt;
      const rest = (depth?.atMost ?? 0) * REST_MS_PER_ROW;
      const full = depth !== undefined && depth.atMost + more > limit;
      const free = Math.max(0, limit - (depth?.atMost ?? 0));
      const stale = Math.max(STALE_MS, Math.min(free * STALE_MS_PER_FREE_PLACE, MAX_STALE_MS));
      if (age > (full ? rest : stale + rest)) {
        unclear.set(lane, Math.max(unclear.get(lane) ?? 0, limit));
      }
    }
    return unclear;
  }

  async #count(lanes: ReadonlyMap<string, number>): Promise<void> {
    if (lanes.size === 0) return;
    const rows = await this.#db.read(count, [
      textArray([...lanes.keys()]),
      bigintArray([...lanes.values()]),
    ]);
    if (this.#known.size + rows.length > MAX_KNOWN) this.#known.clear();
    const countedAt = performance.now();
    for (const row of rows) {
      this.#known.set(row['lane'] as string, { atMost: row['depth'] as number, countedAt });
    }
  }
}
