import type { Command } from 'commander';
import { asksService, connect, type ServiceOptions } from '../connection.ts';
import type { CliContext } from '../context.ts';
import {
  addKindOption,
  addListOptions,
  collectDeliveries,
  filterOf,
  type ListOptions,
} from '../delivery-filter.ts';
import { sheetOfDelivery, tableOfDeliveries } from '../delivery-text.ts';
import { show } from '../show.ts';
import { addReplay } from './replay.ts';

/** `deliveries list|show|retry|cancel|replay`. */
export function addDeliveries(program: Command, context: CliContext): void {
  const deliveries = program
    .command('deliveries')
    .description('everything that the service sends: what does not arrive, and sending it again');
  const { terminal, now } = context;

  addListOptions(addKindOption(asksService(deliveries.command('list'))))
    .description('list deliveries, the last accepted first')
    .action(async (options: ListOptions & ServiceOptions) => {
      const client = connect(context, options);
      const filter = await filterOf(context, client, options);
      const page = await collectDeliveries(client, filter, options);
      const data = { deliveries: page.items, nextCursor: page.nextCursor };
      show(terminal, options.json, data, () => tableOfDeliveries(page.items, terminal, now()));
      if (page.nextCursor !== null) terminal.say(`these are ${page.items.length}, there are more`);
    });

  asksService(deliveries.command('show <delivery>'))
    .description('show one delivery with its attempts, and what it waits for')
    .action(async (id: string, { json, ...options }: ServiceOptions) => {
      show(terminal, json, await connect(context, options).getDelivery(id), sheetOfDelivery);
    });

  asksService(deliveries.command('retry <delivery>'))
    .description('send a delivery now, also one that is a dead letter or was cancelled')
    .option('--force', 'also one that was delivered')
    .action(async (id: string, { json, force, ...options }: ServiceOptions & { force?: true }) => {
      const retried = await connect(context, options).retryDelivery(id, { force });
      show(terminal, json, retried, sheetOfDelivery);
    });

  asksService(deliveries.command('cancel <delivery>'))
    .description('end a delivery that waits, to let those behind it pass')
    .action(async (id: string, { json, ...options }: ServiceOptions) => {
      show(terminal, json, await connect(context, options).cancelDelivery(id), sheetOfDelivery);
    });

  addReplay(deliveries, context);
}
