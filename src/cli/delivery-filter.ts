import { Option, type Command } from 'commander';
import type { AgentKitClient } from '../sdk/client.ts';
import type { DeliveryFilter, DeliverySummary } from '../sdk/delivery-types.ts';
import { agentIdOf } from './agent-ref.ts';
import type { CliContext } from './context.ts';
import { momentOf } from './moments.ts';
import { wholeNumber } from './numbers.ts';

/** Which deliveries, as options. */
export interface FilterOptions {
  readonly kind?: string;
  readonly agent?: string;
  readonly error?: string;
  readonly since?: string;
  readonly until?: string;
}

export interface ListOptions extends FilterOptions {
  readonly state?: string;
  readonly limit: number;
  readonly cursor?: string;
}

const kinds = ['webhook', 'task', 'state_report'];
const states = ['scheduled', 'delivered', 'dead', 'cancelled'];

export function addKindOption(command: Command): Command {
  return command.addOption(new Option('--kind <kind>', 'of this kind').choices(kinds));
}

export function addFilterOptions(command: Command): Command {
  return command
    .option('--agent <agent>', 'of this agent: its name, or the id of one that is gone, too')
    .option('--error <class>', 'whose last attempt failed so: http_status, timeout, ...')
    .option('--since <when>', 'accepted then or later: 1h (ago), or a time such as in the output')
    .option('--until <when>', 'accepted before that');
}

export function addListOptions(command: Command): Command {
  return addFilterOptions(command)
    .addOption(new Option('--state <state>', 'in this state').choices(states))
    .option('--limit <number>', 'how many', wholeNumber(1, 1_000_000), 50)
    .option('--cursor <cursor>', 'go on where a list with --json ended (nextCursor)');
}

/** What of them goes by agent, error and time. */
export async function filterOf(
  { now }: CliContext,
  client: AgentKitClient,
  { kind, agent, error, since, until, state }: FilterOptions & { readonly state?: string },
): Promise<DeliveryFilter> {
  const agentId = agent === undefined ? undefined : await agentIdOf(client, agent);
  return {
    ...(kind === undefined ? {} : { kind }),
    ...(state === undefined ? {} : { state }),
    ...(agentId === undefined ? {} : { agentId }),
    ...(error === undefined ? {} : { errorClass: error }),
    ...(since === undefined ? {} : { since: momentOf('--since', since, now()) }),
    ...(until === undefined ? {} : { until: momentOf('--until', until, now()) }),
  };
}

/** Deliveries from as many pages as it takes. */
export function collectDeliveries(
  client: AgentKitClient,
  filter: DeliveryFilter,
  { limit, cursor }: ListOptions,
): Promise<Page<DeliverySummary>> {
  return collect(limit, cursor, async (part) => {
    const { deliveries, nextCursor } = await client.listDeliveries({ ...filter, ...part });
    return { items: deliveries, nextCursor };
  });
}

const PAGE = 1_000;

interface Page<T> {
  readonly items: T[];
  readonly nextCursor: string | null;
}

/** So many items from as many pages as it takes: one that is short, or empty, is not the end. */
export async function collect<T>(
  limit: number,
  from: string | undefined,
  page: (part: { limit: number; cursor: string | undefined }) => Promise<Page<T>>,
): Promise<Page<T>> {
  const items: T[] = [];
  let cursor = from;
  for (;;) {
    const next = await page({ limit: Math.min(PAGE, limit - items.length), cursor });
    items.push(...next.items);
    if (next.nextCursor === null || items.length >= limit) {
      return { items, nextCursor: next.nextCursor };
    }
    cursor = next.nextCursor;
  }
}
