import { write, writeSync } from 'node:fs';
import pino, { type Logger } from 'pino';

/** Characters kept in memory while the log cannot be written; lines on top of that are counted and dropped. */
const MAX_WAITING = 8 * 1_048_576;

/**
 * Between two writes, unless this much waits: a busy service writes a hundred times a second instead of a thousand times,
 * each of which wakes a thread. A line after a pause is written at once.
 */
const PAUSE_MS = 10;
const FULL_CHARACTERS = 65_536;

/** After a write failed. A full disk takes longer; a pipe whose reader is slow does not. */
const RETRY_MS = 500;
const RETRY_BUSY_MS = 50;

/** What a write fails with because the reader is slow, and because there is none any more. */
const BUSY = new Set(['EAGAIN', 'EBUSY']);
const GONE = new Set(['EPIPE', 'EBADF', 'ECONNRESET']);

/** How long the end of the process waits for a slow reader. */
const LAST_WRITE_MS = 500;

/**
 * Writes log lines to a file descriptor, one write at a time, and never fails: a log on a full disk is no reason to end.
 * pino's own destination throws then, and loops for ever when the process exits (sonic-boom 4.2).
 */
export class LogDestination {
  readonly #fd: number;
  readonly #onDropped: (lines: number) => void;
  readonly #maxWaiting: number;
  #waiting = '';
  /** What the last write left, to be tried again; and what is being written now. */
  #left: Buffer | undefined;
  #writing = false;
  #retry: NodeJS.Timeout | undefined;
  #pause: NodeJS.Timeout | undefined;
  #dropped = 0;
  #gone = false;

  /** `onDropped`: told how many lines are missing, when what came before them is written. */
  constructor(fd: number, onDropped: (lines: number) => void, maxWaiting = MAX_WAITING) {
    this.#fd = fd;
    this.#onDropped = onDropped;
    this.#maxWaiting = maxWaiting;
  }

  write(line: string): void {
    if (this.#gone) return;
    if (this.#waiting.length + line.length > this.#maxWaiting) {
      this.#dropped += 1;
      return;
    }
    this.#waiting += line;
    this.#continue();
  }

  /** For the end of the process: what can be written is, and what cannot is given up. */
  flushSync(): void {
    const deadline = performance.now() + LAST_WRITE_MS;
    while (!this.#gone && (this.#left !== undefined || this.#waiting !== '')) {
      const buffer = this.#take();
      try {
        this.#keep(buffer.subarray(writeSync(this.#fd, buffer)));
      } catch (error) {
        this.#keep(buffer);
        if (!BUSY.has(codeOf(error)) || performance.now() > deadline) return;
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_BUSY_MS);
      }
    }
  }

  #continue(): void {
    if (this.#writing || this.#retry !== undefined) return;
    if (this.#left === undefined) {
      if (this.#waiting === '') return;
      if (this.#pause !== undefined && this.#waiting.length < FULL_CHARACTERS) return;
    }
    this.#write(this.#take());
  }

  #write(buffer: Buffer): void {
    this.#writing = true;
    this.#pause ??= setTimeout(() => {
      this.#pause = undefined;
      this.#continue();
    }, PAUSE_MS).unref();
    write(this.#fd, buffer, (error, written) => {
      this.#writing = false;
      if (error === null) {
        this.#keep(buffer.subarray(written));
        this.#continue();
        return;
      }
      if (GONE.has(codeOf(error))) {
        this.#gone = true;
        this.#waiting = '';
        return;
      }
      this.#keep(buffer);
      const again = () => {
        this.#retry = undefined;
        this.#write(this.#take());
      };
      this.#retry = setTimeout(again, BUSY.has(codeOf(error)) ? RETRY_BUSY_MS : RETRY_MS).unref();
    });
  }

  #keep(rest: Buffer): void {
    if (rest.byteLength === 0) return;
    this.#left = this.#left === undefined ? rest : Buffer.concat([rest, this.#left]);
  }

  #take(): Buffer {
    if (this.#left !== undefined) {
      const left = this.#left;
      this.#left = undefined;
      return left;
    }
    const taken = Buffer.from(this.#waiting);
    this.#waiting = '';
    const dropped = this.#dropped;
    this.#dropped = 0;
    if (dropped > 0) this.#tell(dropped);
    return taken;
  }

  /** In its place among the lines: whatever is written now starts a new buffer. */
  #tell(dropped: number): void {
    const writing = this.#writing;
    this.#writing = true;
    this.#onDropped(dropped);
    this.#writing = writing;
  }
}

/** How a line of JSON is written for people. */
type Format = (line: string) => string;

/** The process's log on stdout: JSON lines, or what `format` makes of them. */
export function createLog(level: string, format?: Format): Logger {
  const destination = new LogDestination(1, (lines) => {
    log.warn({ lines }, 'lines are missing here: the log could not be written');
  });
  const log = pino(
    { level },
    format === undefined ? destination : { write: (line) => destination.write(format(line)) },
  );
  process.once('exit', () => destination.flushSync());
  return log;
}

/**
 * The form of LOG_FORMAT `pretty`, where stdout is a terminal; undefined = the lines stay as they are. Only the text is
 * made here, and written like any other: pino-pretty's own stream would be another way out of the process.
 */
export async function prettyFormat(
  logFormat: 'json' | 'pretty',
  { isTTY, colorize }: { readonly isTTY: boolean; readonly colorize: boolean },
): Promise<Format | undefined> {
  if (logFormat === 'json' || !isTTY) return undefined;
  const { prettyFactory } = await import('pino-pretty');
  const pretty = prettyFactory({
    colorize,
    ignore: 'pid,hostname',
    translateTime: 'SYS:HH:MM:ss.l',
    singleLine: true,
  });
  return (line) => pretty(line);
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? '';
}
