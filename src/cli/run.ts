import { readFileSync } from 'node:fs';
import { CommanderError } from 'commander';
import { ConfigError, type Environment } from '../config/config.ts';
import { AgentKitError } from '../sdk/errors.ts';
import { explain } from './connection.ts';
import type { CliContext } from './context.ts';
import { CliError, FAILED, OK } from './exit.ts';
import { createProgram, exitCodeOf } from './program.ts';
import { createTerminal, type Ask, type Stream } from './terminal.ts';

export interface CliCall extends Pick<CliContext, 'now' | 'interrupted' | 'readInput'> {
  /** What stands behind the command's name. */
  readonly args: readonly string[];
  readonly env: Environment;
  readonly stdout: Stream;
  readonly stderr: Stream;
  /** Absent where nobody could answer. */
  readonly ask?: Ask;
}

const { version } = JSON.parse(
  readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
) as { version: string };

/** Runs one command line; resolves with the exit code. What fails is said in one line. */
export async function runCli({ args, stdout, stderr, ask, ...rest }: CliCall): Promise<number> {
  const terminal = createTerminal(stdout, stderr, rest.env, ask);
  try {
    await createProgram({ ...rest, terminal, version }).parseAsync(args, { from: 'user' });
    return OK;
  } catch (error) {
    if (error instanceof CommanderError) return exitCodeOf(error);
    if (error instanceof CliError || error instanceof ConfigError) {
      if (error.message !== '') terminal.say(`agentkit: ${error.message}`);
      return error instanceof CliError ? error.exitCode : FAILED;
    }
    if (error instanceof AgentKitError) {
      terminal.say(`agentkit: ${explain(error)}`);
      return FAILED;
    }
    throw error;
  }
}
