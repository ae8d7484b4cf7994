import type { Environment } from '../config/config.ts';

/** What the terminal needs of process.stdout and process.stderr. */
export interface Stream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

/** Puts a question to whoever sits at the keyboard; '' when they would not answer. */
export type Ask = (question: string) => Promise<string>;

/** How far a long work is. */
export interface Bar {
  update(done: number, note?: string): void;
  /** The bar stays as it is; what is said next goes below it. */
  end(): void;
}

/** Where a command speaks: data goes to stdout, talk to stderr, so that a pipe gets the data alone. */
export interface Terminal {
  /** Data for people or for the next command; a line feed is added. */
  print(text: string): void;
  /** Talk: what is being done, what went wrong; a line feed is added. */
  say(text: string): void;
  /** How far a long work is, in one line that the next one replaces; nothing unless stderr is a terminal. */
  progress(text: string): void;
  /** The same with a bar, where it is known how much there is to do. */
  bar(label: string, total: number): Promise<Bar>;
  /** Marks what matters, where stdout is a terminal that shows it and `NO_COLOR` is not set (https://no-color.org). */
  strong(text: string): string;
  /** Absent where nobody could answer. */
  readonly ask: Ask | undefined;
}

const NO_BAR: Bar = { update: () => undefined, end: () => undefined };

export function createTerminal(
  stdout: Stream,
  stderr: Stream,
  env: Environment,
  ask?: Ask,
): Terminal {
  const plain = (env['NO_COLOR'] ?? '') !== '' || env['TERM'] === 'dumb';
  const colours = stdout.isTTY === true && !plain;
  let shown = false;

  function wipe(): void {
    if (shown) stderr.write('\r\x1b[K');
    shown = false;
  }

  return {
    print: (text) => {
      wipe();
      stdout.write(`${text}\n`);
    },
    say: (text) => {
      wipe();
      stderr.write(`${text}\n`);
    },
    progress: (text) => {
      if (stderr.isTTY !== true) return;
      wipe();
      stderr.write(text);
      shown = true;
    },
    bar: async (label, total) => {
      if (stderr.isTTY !== true) return NO_BAR;
      wipe();
      // Here and not above: few commands have work that takes so long.
      const { createBar } = await import('./bar.ts');
      return createBar(stderr, label, total);
    },
    strong: (text) => (colours ? `\x1b[1m${text}\x1b[22m` : text),
    ask,
  };
}
