import { ChurningMap, ChurningSet } from '../churning.ts';
import { isOrdered, type LeasedDelivery } from './delivery.ts';

/** What one worker holds of one lane. */
export interface LaneLoad {
  readonly lane: string;
  /** Attempts in flight. */
  attempts: number;
  /** Attempts that ended, and whose record is not on disk yet: after a crash they are made again. */
  recording: number;
  /** Leased and waiting for a slot. */
  readonly queue: LeasedDelivery[];
  /** Promised to deliveries that are being stored. */
  reserved: number;
  /** More is due on disk than is held: what is born now waits its turn there. */
  backlog: boolean;
}

/** Deliveries leased ahead of the free slots, as a multiple of them: enough to keep the slots busy over a claim. */
const AHEAD = 8;

/** Attempts under way and ended ones whose record is not on disk yet, as a multiple of the slots. */
const UNRECORDED = 4;

/** The occupancy of every lane of which something is held or known; its size is bounded by what is held. */
export class LaneLoads {
  readonly #loads = new ChurningMap<string, LaneLoad>();
  readonly #agentConcurrency: () => number;

  /** `agentConcurrency`: attempts in flight to one agent, which may change. */
  constructor(agentConcurrency: () => number) {
    this.#agentConcurrency = agentConcurrency;
  }

  of(lane: string): LaneLoad {
    let load = this.#loads.get(lane);
    if (load === undefined) {
      load = { lane, attempts: 0, recording: 0, queue: [], reserved: 0, backlog: false };
      this.#loads.set(lane, load);
    }
    return load;
  }

  peek(lane: string): LaneLoad | undefined {
    return this.#loads.get(lane);
  }

  /** Attempts that may be in flight at once. */
  slots(lane: string): number {
    return isOrdered(lane) ? 1 : this.#agentConcurrency();
  }

  /**
   * Whether one more attempt may start. The slot of one that ended is free before its record is on disk, but no more than
   * UNRECORDED times the slots: that bounds what a crash makes be sent twice, and what waits for a disk that is slow.
   * (Twice was 4 % slower end to end: a fast agent answers all its slots while one commit is under way.)
   */
  isFree(load: LaneLoad): boolean {
    const slots = this.slots(load.lane);
    return load.attempts < slots && load.attempts + load.recording < UNRECORDED * slots;
  }

  /** Whether a claim is worth its cost: half of what may be held of the lane, or more, would come. */
  wantsMore({ lane, queue }: LaneLoad): boolean {
    const slots = this.slots(lane);
    return isOrdered(lane) ? queue.length < slots : queue.length <= (slots * AHEAD) / 2;
  }

  /** How many more may be leased now. */
  capacity(lane: string): number {
    const load = this.#loads.get(lane);
    const ordered = isOrdered(lane);
    const room = ordered ? 1 : this.#agentConcurrency() * (1 + AHEAD);
    return load === undefined ? room : room - load.attempts - load.queue.length - load.reserved;
  }

  /** Forgets a lane of which nothing is held. */
  tidy(load: LaneLoad): void {
    if (load.attempts + load.recording + load.queue.length + load.reserved === 0 && !load.backlog) {
      this.#loads.delete(load.lane);
    }
  }

  [Symbol.iterator](): IterableIterator<LaneLoad> {
    return this.#loads.values();
  }
}

/** A cap on attempts in flight over many lanes, and the lanes that it holds back. */
export class Slots {
  readonly cap: number;
  readonly waiting = new ChurningSet<LaneLoad>();
  used = 0;

  constructor(cap: number) {
    this.cap = cap;
  }

  get full(): boolean {
    return this.used >= this.cap;
  }
}
