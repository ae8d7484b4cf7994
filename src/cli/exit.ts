/** Exit codes of every command (docs/cli.md). */
export const OK = 0;
/** What was asked for did not happen. */
export const FAILED = 1;
/** The command line is wrong, or lacks the --yes that it needs; nothing was tried. */
export const USAGE = 2;
/** Ctrl-C, before what was asked for had happened. */
export const INTERRUPTED = 130;

type ExitCode = typeof FAILED | typeof USAGE | typeof INTERRUPTED;

/** A command that ends without success; its message is for people, in one line, on stderr. */
export class CliError extends Error {
  override readonly name = 'CliError';
  readonly exitCode: ExitCode;

  constructor(message: string, exitCode: ExitCode = FAILED, options?: ErrorOptions) {
    super(message, options);
    this.exitCode = exitCode;
  }
}

/** Success could not be had, and what there is to say of it was printed already. */
export class Failure extends CliError {
  constructor() {
    super('');
  }
}

/** @throws CliError once Ctrl-C was pressed; `said` tells what goes on without us. */
export function stopIfInterrupted(signal: AbortSignal, said = 'interrupted'): void {
  if (signal.aborted) throw new CliError(said, INTERRUPTED);
}
