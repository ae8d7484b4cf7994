import { Argument, type Command } from 'commander';
import type { CliContext } from '../context.ts';

const shells = ['bash', 'zsh', 'fish'] as const;

/** The script calls this function of the package bash-completion, which macOS and small images do not have. */
const BASH_WORDS = `if ! declare -F _get_comp_words_by_ref >/dev/null; then
    _get_comp_words_by_ref() {
        cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]}
        words=("\${COMP_WORDS[@]}") cword=$COMP_CWORD
    }
fi`;

const DESCRIPTION = 'print the script by which a shell completes commands and options';

/**
 * `completion SHELL` prints the script for the shell, which asks `complete -- WORDS...` at each TAB. Names of agents are
 * not offered: bash expands what it is given (compgen -W), and agents choose their names.
 * @param others a new program of all other commands, for the library to read.
 */
export function addCompletion(
  program: Command,
  { terminal }: CliContext,
  others: () => Command,
): void {
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
      if (shell === 'bash') terminal.print(BASH_WORDS);
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
