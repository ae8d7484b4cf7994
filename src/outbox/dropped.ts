/** Longer than a committed insert or claim takes from the store to the worker. */
const DROPPED_MS = 60_000;

/** Deliveries that ended before they came into a worker's hands, and may still come. */
export class Dropped {
  /** Until when; the oldest first. */
  readonly #until = new Map<string, number>();

  note(id: string, now: number): void {
    this.#until.set(id, now + DROPPED_MS);
  }

  /** Whether it was dropped; it is not any more. */
  take(id: string): boolean {
    return this.#until.size > 0 && this.#until.delete(id);
  }

  /** No timer each: an agent that leaves may take a million tasks with it. */
  forgetOld(now: number): void {
    for (const [id, until] of this.#until) {
      if (until > now) return;
      this.#until.delete(id);
    }
  }
}
