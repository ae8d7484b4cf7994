import type { Command } from 'commander';
import { asksService, whereabouts, type ServiceOptions } from '../connection.ts';
import type { CliContext } from '../context.ts';
import type { Finding } from '../doctor/finding.ts';
import { Failure } from '../exit.ts';
import { plain } from '../plain.ts';
import { show } from '../show.ts';

/** `doctor`: what is wrong with the set-up, beside a service that runs or without one. */
export function addDoctor(program: Command, context: CliContext): void {
  const { terminal, env } = context;
  asksService(program.command('doctor'))
    .description(
      'check configuration, database, service, Ops-Core and clock; exit code 1 for a fault',
    )
    .action(async ({ json, url }: ServiceOptions) => {
      // Here and not above: it loads what sends, and the stores.
      const { examine } = await import('../doctor/examine.ts');
      const findings = await examine(context, whereabouts(env, url));
      const healthy = findings.every(({ verdict }) => verdict !== 'fail');
      show(terminal, json, { ok: healthy, findings }, () => findings.map(lineOf).join('\n'));
      if (!healthy) throw new Failure();
    });
}

function lineOf({ verdict, check, found, todo }: Finding): string {
  const line = `${verdict.padEnd(4)}  ${check.padEnd(13)}  ${plain(found)}`;
  return todo === null ? line : `${line}\n${' '.repeat(21)}-> ${plain(todo)}`;
}
