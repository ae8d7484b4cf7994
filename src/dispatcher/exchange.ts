import type { Dispatcher } from 'undici';

/** How an exchange ended: with an answer, as far as it was read, or with the reason why there was none. */
export type Ending =
  | {
      readonly statusCode: number;
      /** Headers of the answer, as they came. */
      readonly retryAfter: string | undefined;
      readonly date: string | undefined;
      readonly start: Buffer;
    }
  | { readonly error: unknown };

export interface Exchanged {
  readonly ending: Ending;
  /** When the request had the connection that it waited for (looked up, made, or free again), by `performance.now()`. */
  readonly connectedAt: number | null;
  /** When the status came. */
  readonly answeredAt: number | null;
}

export interface ReadLimits {
  /** Bytes of the answer's start to keep. */
  readonly keep: number;
  /** Bytes to read so that the connection can serve again; past them it is closed. */
  readonly drain: number;
}

/**
 * One request and its answer, as undici tells of them. Not `undici.request`: its stream, signal and promises took longer
 * than everything else that a dispatch does, and its signal cannot end an attempt that still waits for a connection.
 */
export class Exchange implements Dispatcher.DispatchHandler {
  readonly #limits: ReadLimits;
  readonly #onEnd: (exchanged: Exchanged) => void;
  readonly #tooLate: () => Error | undefined;
  #controller: Dispatcher.DispatchController | undefined;
  #connectedAt: number | null = null;
  #answeredAt: number | null = null;
  #statusCode: number | undefined;
  #retryAfter: string | undefined;
  #date: string | undefined;
  readonly #kept: Buffer[] = [];
  #keptBytes = 0;
  #seenBytes = 0;
  #ended = false;

  /**
   * @param onEnd is called once.
   * @param tooLate is asked when there is a connection, before anything is written to it: why nothing may be any more.
   */
  constructor(
    limits: ReadLimits,
    onEnd: (exchanged: Exchanged) => void,
    tooLate: () => Error | undefined,
  ) {
    this.#limits = limits;
    this.#onEnd = onEnd;
    this.#tooLate = tooLate;
  }

  /** Whether the request has a connection, and so is on its way. */
  get hasLeft(): boolean {
    return this.#connectedAt !== null;
  }

  /** Ends it now, and its connection with it. What was read of an answer stands: once a status is there, it decides. */
  stop(error: unknown): void {
    this.#end(error);
    this.#controller?.abort(asError(error));
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    const late = this.#tooLate();
    if (late === undefined) this.#connectedAt = performance.now();
    else this.#end(late);
    // Ended before there was a connection to send it on.
    if (this.#ended) controller.abort(new Error('the attempt is over'));
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    statusCode: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    if (statusCode < 200) return;
    this.#answeredAt = performance.now();
    this.#statusCode = statusCode;
    this.#retryAfter = first(headers['retry-after']);
    this.#date = first(headers['date']);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#ended) return;
    const room = this.#limits.keep - this.#keptBytes;
    if (room > 0) {
      const part = chunk.subarray(0, room);
      this.#kept.push(part);
      this.#keptBytes += part.length;
    }
    this.#seenBytes += chunk.length;
    if (this.#seenBytes <= this.#limits.drain) return;
    this.#end(undefined);
    controller.abort(new Error('the answer is too long'));
  }

  onResponseEnd(): void {
    this.#end(undefined);
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: unknown): void {
    this.#end(error);
  }

  #end(error: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    const ending: Ending =
      this.#statusCode === undefined
        ? { error }
        : {
            statusCode: this.#statusCode,
            retryAfter: this.#retryAfter,
            date: this.#date,
            start: Buffer.concat(this.#kept),
          };
    this.#onEnd({ ending, connectedAt: this.#connectedAt, answeredAt: this.#answeredAt });
  }
}

function first(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header;
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}
