import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { createInterface } from 'node:readline';

/** A line of a process's log, which all three write as JSON. */
export interface LogLine {
  readonly msg: string;
  readonly [field: string]: unknown;
}

export interface ChildOptions {
  /** A TypeScript file. */
  readonly script: string;
  /** The whole environment: nothing of ours gets in. */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** Told of each line as it comes. */
  onLine?(line: LogLine): void;
  /** Told when the process ends without having been asked to; `reason` is what it said last. */
  onUnexpectedExit(reason: string): void;
}

const STDERR_CHARS = 1000;

/** One of the demo's processes, and what it says. */
export class Child {
  readonly exited: Promise<number | NodeJS.Signals>;
  readonly #process: ChildProcessWithoutNullStreams;
  /** Lines that no `next` has taken yet. */
  readonly #lines: LogLine[] = [];
  #arrived: Promise<void> = Promise.resolve();
  #announce: () => void = () => undefined;
  #ending = false;

  constructor(options: ChildOptions) {
    this.#process = spawn(process.execPath, [options.script], {
      cwd: options.cwd,
      env: { PATH: process.env['PATH'] ?? '', ...options.env },
    });
    this.#expectLine();
    createInterface({ input: this.#process.stdout }).on('line', (text) => {
      const line = parse(text);
      if (line === undefined) return;
      this.#lines.push(line);
      options.onLine?.(line);
      this.#announce();
      this.#expectLine();
    });
    let stderr = '';
    this.#process.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr = (stderr + text).slice(-STDERR_CHARS);
    });
    // Writing to a process that has just died; its exit says more.
    this.#process.stdin.on('error', () => undefined);
    this.exited = new Promise((resolve) => {
      this.#process.once('error', (error) => {
        options.onUnexpectedExit(error.message);
        resolve(1);
      });
      this.#process.once('close', (code, signal) => {
        const status = code ?? signal ?? 1;
        if (!this.#ending) options.onUnexpectedExit(`ended with ${String(status)}. ${stderr}`);
        resolve(status);
      });
    });
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** The first line with this `msg` that was not taken before; waits for it. */
  async next(msg: string): Promise<LogLine> {
    for (;;) {
      const at = this.#lines.findIndex((line) => line.msg === msg);
      const [line] = at === -1 ? [] : this.#lines.splice(at, 1);
      if (line !== undefined) return line;
      await this.#arrived;
    }
  }

  /** Lines with this `msg` that were not taken. */
  untaken(msg: string): number {
    return this.#lines.filter((line) => line.msg === msg).length;
  }

  tell(line: string): void {
    this.#process.stdin.write(`${line}\n`);
  }

  /** Sends the signal and waits for the end. */
  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<number | NodeJS.Signals> {
    this.#ending = true;
    this.#process.kill(signal);
    return this.exited;
  }

  #expectLine(): void {
    this.#arrived = new Promise((resolve) => (this.#announce = resolve));
  }
}

function parse(text: string): LogLine | undefined {
  try {
    const value = JSON.parse(text) as Partial<LogLine> | null;
    return typeof value?.msg === 'string' ? (value as LogLine) : undefined;
  } catch {
    return undefined;
  }
}
