import type { Environment } from '../config/config.ts';

/** What the terminal needs of process.stdout and process.stderr. */
export interface Stream {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

/** Where a command speaks: data goes to stdout, talk to stderr, so that a pipe gets the data alone. */
export interface Terminal {
  /** Data for people or for the next command; a line feed is added. */
  print(text: string): void;
  /** Talk: what is being done, what went wrong; a line feed is added. */
  say(text: string): void;
  /** How far a long work is, in one line that the next one replaces; nothing unless stderr is a terminal. */
  progress(text: string): void;
  /** Marks what matters, where stdout is a terminal that shows it and `NO_COLOR` is not set (https://no-color.org). */
  strong(text: string): string;
}

export function createTerminal(stdout: Stream, stderr: Stream, env: Environment): Terminal {
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
    strong: (text) => (colours ? `\x1b[1m${text}\x1b[22m` : text),
  };
}
