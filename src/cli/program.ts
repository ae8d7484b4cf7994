import { Command } from 'commander';
import type { Environment } from '../config/config.ts';
import { addBackup } from './commands/backup.ts';
import { addMigrate } from './commands/migrate.ts';
import { addServe } from './commands/serve.ts';
import { USAGE } from './exit.ts';
import type { Terminal } from './terminal.ts';

/** What a command may use; it reads nothing else of the process. */
export interface CliContext {
  readonly env: Environment;
  readonly terminal: Terminal;
  readonly version: string;
}

/** All commands, each with its options and its help. Whoever adds one adds its section to docs/cli.md (a test compares). */
export function createProgram(context: CliContext): Command {
  const { terminal, version } = context;
  const program = new Command('agentkit')
    .description('The AgentKit service, and the commands to run and look after it.')
    .version(version, '--version', 'print the version')
    .helpOption('--help', 'show what a command does and takes')
    .helpCommand(false)
    .showHelpAfterError('(agentkit COMMAND --help says what it takes)')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.print(text.trimEnd()),
      writeErr: (text) => terminal.say(text.trimEnd()),
      outputError: (text, write) => write(text.replace(/^error: /, 'agentkit: ')),
    })
    .addHelpText(
      'after',
      '\nSettings come from the environment and from .env (docs/configuration.md).\nExit codes: 0 done, 1 failed, 2 wrong command line.',
    );
  addServe(program, context);
  addBackup(program, context);
  addMigrate(program, context);
  return program;
}

/** What commander's ways to end mean to us: help and version are what was asked for, the rest is a wrong command line. */
export function exitCodeOf({ code }: { readonly code: string }): number {
  return code === 'commander.helpDisplayed' || code === 'commander.version' ? 0 : USAGE;
}
