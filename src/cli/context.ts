import type { Environment } from '../config/config.ts';
import type { Terminal } from './terminal.ts';

/** What a command may use; it reads nothing else of the process. */
export interface CliContext {
  readonly env: Environment;
  readonly terminal: Terminal;
  readonly version: string;
  /** The wall clock, epoch milliseconds. */
  readonly now: () => number;
  /**
   * Aborted by Ctrl-C and SIGTERM. Whoever asks for it ends by it, in order; without it they end the process at once.
   */
  readonly interrupted: () => AbortSignal;
  /** What a body or a secret is read from; `-` is stdin. */
  readonly readInput: (path: string) => Promise<Buffer>;
}
