import { Command } from 'commander';
import { addAgents } from './commands/agents.ts';
import { addBackup } from './commands/backup.ts';
import { addCompletion } from './commands/completion.ts';
import { addDeliveries } from './commands/deliveries.ts';
import { addDoctor } from './commands/doctor.ts';
import { addKeys } from './commands/keys.ts';
import { addListen } from './commands/listen.ts';
import { addMigrate } from './commands/migrate.ts';
import { addPing } from './commands/ping.ts';
import { addRun } from './commands/run.ts';
import { addServe } from './commands/serve.ts';
import { addSign } from './commands/sign.ts';
import { addStatus } from './commands/status.ts';
import { addTasks } from './commands/tasks.ts';
import { addVerify } from './commands/verify.ts';
import type { CliContext } from './context.ts';
import { USAGE } from './exit.ts';

/** All commands, each with its options and its help. Whoever adds one adds its section to docs/cli.md (a test compares). */
export function createProgram(context: CliContext): Command {
  const program = withoutCompletion(context);
  addCompletion(program, context, () => withoutCompletion(context));
  return program;
}

function withoutCompletion(context: CliContext): Command {
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
      '\nSettings come from the environment and from .env (docs/configuration.md).\n' +
        'Exit codes: 0 done, 1 failed, 2 wrong command line, 130 interrupted.',
    );
  addServe(program, context);
  addStatus(program, context);
  addDoctor(program, context);
  addPing(program, context);
  addAgents(program, context);
  addRun(program, context);
  addTasks(program, context);
  addDeliveries(program, context);
  addKeys(program, context);
  addListen(program, context);
  addSign(program, context);
  addVerify(program, context);
  addBackup(program, context);
  addMigrate(program, context);
  return program;
}

/** What commander's ways to end mean to us: help and version are what was asked for, the rest is a wrong command line. */
export function exitCodeOf({ code }: { readonly code: string }): number {
  return code === 'commander.helpDisplayed' || code === 'commander.version' ? 0 : USAGE;
}
