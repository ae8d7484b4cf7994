/**
 * - `new`: not taken yet; the caller takes it, or refuses it and forgets
 * - `retry`: taken already, and the service, which missed our answer, sends it again: answer 2xx, run nothing
 * - `replay`: the very bytes and headers that came before: somebody else sends them
 */
export type Sighting = 'new' | 'retry' | 'replay';

export interface SeenDispatch {
  /** The signed `webhook-id`; undefined only where nothing is verified and no id came. */
  readonly id: string | undefined;
  /** Epoch seconds, signed; 0 where nothing is verified. */
  readonly timestamp: number;
  /** `X-AgentKit-Attempt`. */
  readonly attempt: number;
}

interface Taken {
  /** By timestamp: the highest attempt that came with it. */
  readonly attempts: Map<number, number>;
}

/** At about 300 bytes each, 15 MB; a replay older than the tolerance is refused by its timestamp anyway. */
const DEFAULT_CAPACITY = 50_000;

/**
 * Remembers which dispatches were taken, so that a handler runs once per task though the service delivers at
 * least once. The memory is bounded (the longest unseen goes first) and ends with the process.
 *
 * A retry has the same id and a fresh timestamp; or, within one second, the same timestamp and a higher attempt
 * number. That number is not signed: who raises it earns a 2xx, but never a second run.
 */
export class ReplayGuard {
  readonly #taken = new Map<string, Taken>();
  readonly #capacity: number;

  constructor(capacity = DEFAULT_CAPACITY) {
    this.#capacity = capacity;
  }

  /** What a dispatch is. A `retry` is noted, a `new` one only by `take`. */
  see({ id, timestamp, attempt }: SeenDispatch): Sighting {
    const taken = id === undefined ? undefined : this.#taken.get(id);
    if (id === undefined || taken === undefined) return 'new';
    if (attempt <= (taken.attempts.get(timestamp) ?? 0)) return 'replay';
    taken.attempts.set(timestamp, attempt);
    this.#remember(id, taken);
    return 'retry';
  }

  /** Notes that a dispatch was taken: from now on its task does not run again. */
  take({ id, timestamp, attempt }: SeenDispatch): void {
    if (id !== undefined) this.#remember(id, { attempts: new Map([[timestamp, attempt]]) });
  }

  #remember(id: string, taken: Taken): void {
    this.#taken.delete(id);
    this.#taken.set(id, taken);
    if (this.#taken.size <= this.#capacity) return;
    for (const oldest of this.#taken.keys()) {
      this.#taken.delete(oldest);
      return;
    }
  }
}
