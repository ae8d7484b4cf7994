import type { Command } from 'commander';
import type { TaskRecord } from '../../sdk/api-types.ts';
import type { DeliverySummary } from '../../sdk/delivery-types.ts';
import type { AgentKitError } from '../../sdk/errors.ts';
import { agentIdOf } from '../agent-ref.ts';
import { asksService, connect, type ServiceOptions } from '../connection.ts';
import type { CliContext } from '../context.ts';
import { sheetOfDelivery, tableOfDeliveries } from '../delivery-text.ts';
import { followTask } from '../follow-task.ts';
import { show } from '../show.ts';
import {
  addListOptions,
  collect,
  collectDeliveries,
  filterOf,
  type ListOptions,
} from '../delivery-filter.ts';

/** `tasks list|show|watch|cancel|retry`. */
export function addTasks(program: Command, context: CliContext): void {
  const tasks = program.command('tasks').description('tasks: what became of them');
  const { terminal, now } = context;

  addListOptions(asksService(tasks.command('list')))
    .description('list tasks, the last accepted first')
    .action(async (options: ListOptions & ServiceOptions) => {
      const { items, nextCursor } = await listTasks(context, options);
      show(terminal, options.json, { tasks: items, nextCursor }, () =>
        tableOfDeliveries(
          items.map((task) => ({ ...task, deliveryId: task.taskId })),
          terminal,
          now(),
        ),
      );
      if (nextCursor !== null) terminal.say(`these are ${items.length}, there are more`);
    });

  asksService(tasks.command('show <task>'))
    .description('show one task with its attempts')
    .action(async (taskId: string, { json, ...options }: ServiceOptions) => {
      show(terminal, json, await connect(context, options).getTask(taskId), sheetOf);
    });

  asksService(tasks.command('watch <task>'))
    .description('tell of each attempt until the task has ended; exit code 1 without a delivery')
    .action(async (taskId: string, { json, ...options }: ServiceOptions) => {
      await followTask(context, connect(context, options), taskId, json);
    });

  asksService(tasks.command('cancel <task>'))
    .description('cancel a task: no attempt starts any more')
    .action(async (taskId: string, { json, ...options }: ServiceOptions) => {
      show(terminal, json, await connect(context, options).cancelTask(taskId), sheetOf);
    });

  asksService(tasks.command('retry <task>'))
    .description('send a task now, also one that is a dead letter or was cancelled')
    .option('--force', 'also one that was delivered')
    .action(async (taskId: string, options: ServiceOptions & { force?: true }) => {
      const { json, force } = options;
      const retried = await connect(context, options).retryDelivery(taskId, { force });
      show(terminal, json, retried, sheetOfDelivery);
    });
}

type Listed = Omit<DeliverySummary, 'deliveryId' | 'kind' | 'errorClass'> & {
  readonly taskId: string;
  /** Told by the list of deliveries alone. */
  readonly errorClass?: string | null;
};

/** A dispatch key may list the tasks of an agent, and no deliveries: where that will do, it is asked for. */
async function listTasks(
  context: CliContext,
  options: ListOptions & ServiceOptions,
): Promise<{ items: Listed[]; nextCursor: string | null }> {
  const client = connect(context, options);
  const { agent, state, limit, cursor } = options;
  const isPlain = [options.error, options.since, options.until].every((one) => one === undefined);
  if (agent !== undefined && isPlain) {
    try {
      const agentId = await agentIdOf(client, agent);
      return await collect(limit, cursor, async (part) => {
        const { tasks, nextCursor } = await client.listTasks(agentId, { ...part, state });
        return { items: tasks, nextCursor };
      });
    } catch (error) {
      // It is gone; its deliveries are not.
      if ((error as Partial<AgentKitError>).code !== 'agent_not_found') throw error;
    }
  }
  const filter = { ...(await filterOf(context, client, options)), kind: 'task' };
  const { items, nextCursor } = await collectDeliveries(client, filter, options);
  return {
    items: items.map(({ deliveryId, kind: _, ...task }) => ({ taskId: deliveryId, ...task })),
    nextCursor,
  };
}

function sheetOf(task: TaskRecord): string {
  return sheetOfDelivery({ ...task, deliveryId: task.taskId, kind: 'task' });
}
