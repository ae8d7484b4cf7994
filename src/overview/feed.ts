import { Readable } from 'node:stream';
import type { FastifyBaseLogger } from 'fastify';

/** Streams at once, of all callers together: each costs a connection and a serialised summary a second. */
export const MAX_STREAMS = 32;

const EVERY_MS = 1_000;

/** A reader that took nothing for so long is gone, whatever its connection says. */
const DEAF_MS = 60_000;

interface Deps {
  /** The data of one event, serialised. */
  readonly summary: () => Promise<string>;
  readonly log: FastifyBaseLogger;
  readonly maxStreams?: number;
}

/** Whether its credential still counts. */
type StillAllowed = () => Promise<boolean>;

/**
 * Sends everybody who listens a summary a second: never an event per delivery, however many there are. While nobody
 * listens there is no timer, and nothing is looked at. A reader that is slow gets the newest summary when it reads on,
 * and not those that it missed.
 */
export class Feed {
  readonly #deps: Deps;
  readonly #streams = new Map<SummaryStream, StillAllowed>();
  #timer: NodeJS.Timeout | undefined;
  #ticking = false;
  #closed = false;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** @returns what to answer with; undefined when there are as many as may be. */
  open(stillAllowed: StillAllowed): Readable | undefined {
    if (this.#closed || this.#streams.size >= (this.#deps.maxStreams ?? MAX_STREAMS))
      return undefined;
    const stream = new SummaryStream();
    this.#streams.set(stream, stillAllowed);
    stream.once('close', () => {
      this.#streams.delete(stream);
      if (this.#streams.size === 0) this.#stop();
    });
    // The first summary at once.
    void this.#tick();
    this.#timer ??= setInterval(() => void this.#tick(), EVERY_MS);
    return stream;
  }

  get streams(): number {
    return this.#streams.size;
  }

  /** Ends every stream, for good: the service shuts down. */
  close(): void {
    this.#closed = true;
    this.#stop();
    for (const stream of [...this.#streams.keys()]) stream.finish();
  }

  #stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  async #tick(): Promise<void> {
    // One that takes longer than a second is not overtaken.
    if (this.#ticking) return;
    this.#ticking = true;
    try {
      await this.#dismiss();
      if (this.#streams.size === 0) return;
      const event = await this.#event();
      for (const stream of this.#streams.keys()) stream.offer(event);
    } finally {
      this.#ticking = false;
    }
  }

  /** A key may be revoked, and an open service get its first key, while a stream runs. */
  async #dismiss(): Promise<void> {
    await Promise.all(
      [...this.#streams].map(async ([stream, stillAllowed]) => {
        if (stream.deafFor() > DEAF_MS) stream.destroy();
        // When it cannot be found out just now the next tick asks again: what is sent meanwhile says so and no more.
        else if (!(await stillAllowed().catch(() => true))) stream.finish();
      }),
    );
  }

  async #event(): Promise<string> {
    try {
      return `event: overview\ndata: ${await this.#deps.summary()}\n\n`;
    } catch (error) {
      this.#deps.log.debug({ err: error }, 'no summary for those who listen');
      return `event: trouble\ndata: {"message":"The store is not available just now."}\n\n`;
    }
  }
}

/** Holds one event at the most: a newer one takes its place. */
class SummaryStream extends Readable {
  #wanted = false;
  #waiting: string | undefined;
  #finished = false;
  #readAt = performance.now();

  constructor() {
    super({ highWaterMark: 1 });
  }

  override _read(): void {
    this.#wanted = true;
    this.#readAt = performance.now();
    this.#give();
  }

  offer(event: string): void {
    if (this.#finished) return;
    this.#waiting = event;
    this.#give();
  }

  /** For so long it has not read what is there, in milliseconds. */
  deafFor(): number {
    return this.#wanted ? 0 : performance.now() - this.#readAt;
  }

  /** The end after what is under way. */
  finish(): void {
    if (this.#finished) return;
    this.#finished = true;
    this.#waiting = undefined;
    this.push(null);
  }

  #give(): void {
    if (!this.#wanted || this.#waiting === undefined) return;
    const event = this.#waiting;
    this.#waiting = undefined;
    this.#wanted = false;
    this.push(event);
  }
}
