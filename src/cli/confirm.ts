import type { CliContext } from './context.ts';
import { CliError, USAGE } from './exit.ts';

/**
 * Before what is wide or cannot be undone: asks in a terminal, and wants --yes where nobody can be asked.
 * @param what a whole sentence of what is going to happen.
 * @throws CliError when the answer is no, or nobody can give one.
 */
export async function confirm(
  { terminal }: CliContext,
  yes: true | undefined,
  what: string,
): Promise<void> {
  if (yes === true) return;
  if (terminal.ask === undefined) {
    throw new CliError(`${what} Nobody can be asked here: say --yes`, USAGE);
  }
  const answer = await terminal.ask(`${what} Go on? [y/N] `);
  if (!/^y(es)?$/i.test(answer.trim())) throw new CliError('nothing was done');
}
