/** Exit codes of every command (docs/cli.md). */
export const OK = 0;
/** What was asked for did not happen. */
export const FAILED = 1;
/** The command line is wrong; nothing was tried. */
export const USAGE = 2;

/** A command that ends without success; its message is for people, in one line, on stderr. */
export class CliError extends Error {
  override readonly name = 'CliError';
  readonly exitCode: typeof FAILED | typeof USAGE;

  constructor(
    message: string,
    exitCode: typeof FAILED | typeof USAGE = FAILED,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.exitCode = exitCode;
  }
}
