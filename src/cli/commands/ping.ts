import type { Command } from 'commander';
import { asksService, connect, type ServiceOptions } from '../connection.ts';
import type { CliContext } from '../context.ts';
import { Failure } from '../exit.ts';
import { isClockOff } from '../ping-advice.ts';
import { sheetOfPing } from '../ping-text.ts';
import { show } from '../show.ts';

/** `ping`: whether a webhook would arrive, tried by the service that runs. */
export function addPing(program: Command, context: CliContext): void {
  asksService(program.command('ping'))
    .description("have the service try Ops-Core's webhook; exit code 1 when it would not arrive")
    .action(async ({ json, ...options }: ServiceOptions) => {
      const ping = await connect(context, options).pingWebhook();
      show(context.terminal, json, ping, sheetOfPing);
      if (!ping.ok || isClockOff(ping)) throw new Failure();
    });
}
