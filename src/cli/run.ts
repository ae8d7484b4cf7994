import { readFileSync } from 'node:fs';
import { CommanderError } from 'commander';
import { ConfigError, type Environment } from '../config/config.ts';
import { CliError, FAILED, OK } from './exit.ts';
import { createProgram, exitCodeOf } from './program.ts';
import { createTerminal, type Stream } from './terminal.ts';

export interface CliCall {
  /** What stands behind the command's name. */
  readonly args: readonly string[];
  readonly env: Environment;
  readonly stdout: Stream;
  readonly stderr: Stream;
}

const { version } = JSON.parse(
  readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
) as { version: string };

/** Runs one command line; resolves with the exit code. What fails is said in one line. */
export async function runCli({ args, env, stdout, stderr }: CliCall): Promise<number> {
  const terminal = createTerminal(stdout, stderr, env);
  try {
    await createProgram({ env, terminal, version }).parseAsync(args, { from: 'user' });
    return OK;
  } catch (error) {
    if (error instanceof CommanderError) return exitCodeOf(error);
    if (error instanceof CliError || error instanceof ConfigError) {
      terminal.say(`agentkit: ${error.message}`);
      return error instanceof CliError ? error.exitCode : FAILED;
    }
    throw error;
  }
}
