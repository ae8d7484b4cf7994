import type { Command } from 'commander';
import { asksService, connect, whereabouts, type ServiceOptions } from '../connection.ts';
import type { CliContext } from '../context.ts';
import { show } from '../show.ts';
import { overviewOf } from '../status/overview.ts';
import { nextSteps, overviewText } from '../status/text.ts';

/** `status`: what does not arrive, why, and what to do next. */
export function addStatus(program: Command, context: CliContext): void {
  const { terminal, now, env } = context;
  asksService(program.command('status'))
    .description('show how the service is, what waits, what fails and why')
    .action(async ({ json, ...options }: ServiceOptions) => {
      const { url } = whereabouts(env, options.url);
      const overview = await overviewOf(connect(context, options), url);
      show(terminal, json, overview, () => overviewText(overview, terminal, now()));
      if (json !== true) for (const step of nextSteps(overview)) terminal.say(step);
    });
}
