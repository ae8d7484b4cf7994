import type { Command } from 'commander';
import type { AgentKitClient } from '../../sdk/client.ts';
import type { DeliverySummary, ReplayFilter, ReplayRecord } from '../../sdk/delivery-types.ts';
import { confirm } from '../confirm.ts';
import { asksService, connect, type ServiceOptions } from '../connection.ts';
import type { CliContext } from '../context.ts';
import {
  addFilterOptions,
  addKindOption,
  filterOf,
  type FilterOptions,
} from '../delivery-filter.ts';
import { CliError, USAGE } from '../exit.ts';
import { followReplay } from '../follow-replay.ts';
import { gatherFailing } from '../gather.ts';
import { hurry } from '../hurry.ts';
import { warnOfBrokenWebhook } from '../ping-text.ts';
import { show } from '../show.ts';
import { fields } from '../table.ts';

interface Options extends ServiceOptions, FilterOptions {
  readonly dead?: true;
  readonly dryRun?: true;
  readonly yes?: true;
  readonly follow?: string | true;
}

/** What a replay would send. */
interface Due {
  readonly deadLetters: number;
  /** Tried in vain, and waiting for their next attempt. */
  readonly waiting: readonly DeliverySummary[];
}

/** `deliveries replay`: after a mend, everything that did not arrive. */
export function addReplay(deliveries: Command, context: CliContext): void {
  const { terminal } = context;
  addFilterOptions(addKindOption(asksService(deliveries.command('replay'))))
    .description('send again what did not arrive: dead letters, and what waits for another attempt')
    .option('--dead', 'dead letters alone')
    .option('--dry-run', 'only count')
    .option('--yes', 'without asking')
    .option('--follow [replay]', 'watch one that is under way; the last one unless said')
    .action(async (options: Options) => {
      const { json, follow } = options;
      const client = connect(context, options);
      if (follow !== undefined) {
        const replay = await followReplay(context, client, await replayOf(client, follow, options));
        show(terminal, json, { replay, hurried: 0 }, () => sheetOf(replay, 0));
        return;
      }
      const filter = await filterOf(context, client, options);
      const due = await count(client, filter, options);
      const { deadLetters, waiting } = due;
      if (options.dryRun === true || deadLetters + waiting.length === 0) {
        show(terminal, json, { deadLetters, waiting: waiting.length }, () => `${said(due)}.`);
        return;
      }
      await warnOfBrokenWebhook(context, client, filter);
      await confirm(context, options.yes, `${said(due)}. They are sent again.`);
      const hurried = waiting.length === 0 ? 0 : await hurry(context, client, waiting);
      const replay = deadLetters === 0 ? null : await replayAll(context, client, filter);
      show(terminal, json, { replay, hurried }, () => sheetOf(replay, hurried));
      terminal.say('whether they arrive: agentkit status');
    });
}

async function count(
  client: AgentKitClient,
  filter: ReplayFilter,
  { dead }: Options,
): Promise<Due> {
  const [deadLetters, failing] = await Promise.all([
    client.countReplay(filter),
    dead === true ? undefined : gatherFailing(client, filter),
  ]);
  // One whose attempt is under way has no next one yet: it needs no hurry.
  const waiting = (failing ?? []).filter(({ nextAttemptAt }) => nextAttemptAt !== null);
  return { deadLetters, waiting };
}

async function replayAll(
  context: CliContext,
  client: AgentKitClient,
  filter: ReplayFilter,
): Promise<ReplayRecord> {
  const replay = await client.createReplay(filter);
  // Before anything can go wrong: with it the replay is found again.
  context.terminal.say(`replay ${replay.replayId}`);
  return followReplay(context, client, replay);
}

async function replayOf(
  client: AgentKitClient,
  follow: string | true,
  { dryRun }: Options,
): Promise<ReplayRecord> {
  if (dryRun === true) throw new CliError('--follow and --dry-run exclude each other', USAGE);
  if (follow !== true) return client.getReplay(follow);
  const { replays } = await client.listReplays({ limit: 1 });
  if (replays[0] === undefined) throw new CliError('there is no replay to follow');
  return replays[0];
}

function said({ deadLetters, waiting }: Due): string {
  return `${deadLetters} dead letters, and ${waiting.length} that wait for another attempt`;
}

function sheetOf(replay: ReplayRecord | null, hurried: number): string {
  return fields({
    replay: replay?.replayId,
    state: replay?.state,
    'dead letters': replay?.total,
    'scheduled again': replay?.replayed,
    'left as they are': replay?.skipped,
    'sent at once': hurried === 0 ? undefined : hurried,
  });
}
