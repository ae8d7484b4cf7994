import { Argument, type Command } from 'commander';

const shells = ['bash', 'zsh', 'fish'] as const;

const DESCRIPTION = 'print the script by which a shell completes commands and options';

/**
 * `completion SHELL` prints the script for the shell, which asks `complete -- WORDS...` at each TAB.
 * @param others a new program of all other commands, for the library to read.
 */
export function addCompletion(program: Command, others: () => Command): void {
  /** It prints by console.log, to the stdout of the process. */
  async function words() {
    // Here and not above: nobody but the shell needs it.
    const { default: tab } = await import('@bomb.sh/tab/commander');
    const root = tab(others(), { completionCommandName: 'completion' });
    // In the place of its own, which has one shell more.
    root.command('completion', DESCRIPTION).argument('shell', (complete) => {
      for (const shell of shells) complete(shell, '');
    });
    return root;
  }

  program
    .command('completion')
    .description(DESCRIPTION)
    .addArgument(new Argument('<shell>', 'the shell').choices(shells))
    .action(async (shell: (typeof shells)[number]) => {
      (await words()).setup('agentkit', 'agentkit', shell);
    });

  program
    .command('complete', { hidden: true })
    .description('what may come next, for the scripts of completion')
    .argument('[words...]')
    .action(async (given: string[]) => {
      (await words()).parse(given);
    });
}
