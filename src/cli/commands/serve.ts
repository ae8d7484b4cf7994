import type { Command } from 'commander';
import type { CliContext } from '../context.ts';

export function addServe(program: Command, { env }: CliContext): void {
  program
    .command('serve')
    .description('run the service until SIGTERM or SIGINT; its log goes to stdout')
    .action(async () => {
      // Here and not above: other commands need not load the service.
      const { serve } = await import('../../serve.ts');
      await serve(env);
    });
}
