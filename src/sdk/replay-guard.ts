/**
 * - `new`: not taken yet; the caller takes it, or refuses it and forgets
 * - `retry`: taken already, and the service, which missed our answer, sends it again: answer 2xx, run nothing
 * - `replay`: the very bytes and headers that came before: somebody else sends them
 */
export type Sighting = 'new' | 'retry' | 'replay';

export interface SignedDispatch {
  /** `webhook-id`, which is signed; else X-AgentKit-Task-Id, which is not; undefined when there is neither. */
  readonly id: string | undefined;
  /** Whether the signature covers `id`. */
  readonly idIsSigned: boolean;
  /** Epoch seconds, signed. */
  readonly timestamp: number;
  /** `X-AgentKit-Signature`, verified; undefined when only the standard headers came. */
  readonly hexSignature: string | undefined;
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
  /** What hex headers were taken with which id: without the standard headers nothing else is signed per task. */
  readonly #hexSignatures = new Map<string, string | undefined>();
  readonly #capacity: number;

  constructor(capacity = DEFAULT_CAPACITY) {
    this.#capacity = capacity;
  }

  /** What a verified dispatch is. A `retry` is noted, a `new` one only by `take`. */
  see(dispatch: SignedDispatch): Sighting {
    const { id, timestamp, attempt } = dispatch;
    const taken = id === undefined ? undefined : this.#taken.get(id);
    const hexKey = hexKeyOf(dispatch);
    if (!dispatch.idIsSigned && hexKey !== undefined && this.#hexSignatures.has(hexKey)) {
      if (id === undefined || this.#hexSignatures.get(hexKey) !== id) return 'replay';
    }
    if (id === undefined || taken === undefined) return 'new';
    if (attempt <= (taken.attempts.get(timestamp) ?? 0)) return 'replay';
    taken.attempts.set(timestamp, attempt);
    this.#remember(this.#taken, id, taken);
    if (hexKey !== undefined) this.#remember(this.#hexSignatures, hexKey, id);
    return 'retry';
  }

  /** Notes that a dispatch was taken: from now on its task does not run again. */
  take(dispatch: SignedDispatch): void {
    const { id, timestamp, attempt } = dispatch;
    const hexKey = hexKeyOf(dispatch);
    if (id !== undefined)
      this.#remember(this.#taken, id, { attempts: new Map([[timestamp, attempt]]) });
    if (hexKey !== undefined) this.#remember(this.#hexSignatures, hexKey, id);
  }

  #remember<T>(map: Map<string, T>, key: string, value: T): void {
    map.delete(key);
    map.set(key, value);
    if (map.size <= this.#capacity) return;
    for (const oldest of map.keys()) {
      map.delete(oldest);
      return;
    }
  }
}

function hexKeyOf(dispatch: SignedDispatch): string | undefined {
  return dispatch.hexSignature === undefined
    ? undefined
    : `${String(dispatch.timestamp)}.${dispatch.hexSignature}`;
}
