import type { Command } from 'commander';
import { asksService, connect, whereabouts, type ServiceOptions } from '../connection.ts';
import type { CliContext } from '../context.ts';
import { show } from '../show.ts';
import { reportOf } from '../status/report.ts';
import { nextSteps, statusText } from '../status/text.ts';

/** `status`: what does not arrive, why, and what to do next. */
export function addStatus(program: Command, context: CliContext): void {
  const { terminal, now, env } = context;
  asksService(program.command('status'))
    .description('show how the service is, what waits, what fails and why')
    .action(async ({ json, ...options }: ServiceOptions) => {
      const { url } = whereabouts(env, options.url);
      const report = await reportOf(connect(context, options), url);
      show(terminal, json, report, () => statusText(report, terminal, now()));
      const steps = json === true ? [] : nextSteps(report);
      if (steps.length > 0) terminal.say(['', ...steps].join('\n'));
    });
}
