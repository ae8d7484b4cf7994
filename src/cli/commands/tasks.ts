import type { Command } from 'commander';
import type { TaskRecord } from '../../sdk/api-types.ts';
import { asksService, connect, type ServiceOptions } from '../connection.ts';
import type { CliContext } from '../context.ts';
import { sheetOfDelivery, tableOfDeliveries } from '../delivery-text.ts';
import { followTask } from '../follow-task.ts';
import { show } from '../show.ts';
import { agentIdOf } from '../agent-ref.ts';
import { addListOptions, collect, filterOf, type ListOptions } from '../delivery-filter.ts';

/** `tasks list|show|watch|cancel|retry`. */
export function addTasks(program: Command, context: CliContext): void {
  const tasks = program.command('tasks').description('tasks: what became of them');
  const { terminal, now } = context;

  addListOptions(asksService(tasks.command('list')))
    .description('list tasks, the last accepted first')
    .action(async (options: ListOptions & ServiceOptions) => {
      const client = connect(context, options);
      // A dispatch key may list the tasks of an agent, and no deliveries.
      const { agent, limit, state, cursor } = options;
      const isPlain = [options.error, options.since, options.until].every((one) => !one);
      if (agent !== undefined && isPlain) {
        const agentId = await agentIdOf(client, agent);
        const page = await collect(limit, cursor, async (part) => {
          const found = await client.listTasks(agentId, { ...part, state });
          return { items: found.tasks, nextCursor: found.nextCursor };
        });
        const data = { tasks: page.items, nextCursor: page.nextCursor };
        show(terminal, options.json, data, () =>
          tableOfDeliveries(
            page.items.map((task) => ({ ...task, deliveryId: task.taskId })),
            terminal,
            now(),
          ),
        );
        return;
      }
      const filter = { ...(await filterOf(context, client, options)), kind: 'task' };
      const page = await collect(limit, cursor, async (part) => {
        const found = await client.listDeliveries({ ...filter, ...part });
        return { items: found.deliveries, nextCursor: found.nextCursor };
      });
      const items = page.items.map(({ deliveryId, ...rest }) => ({ taskId: deliveryId, ...rest }));
      show(terminal, options.json, { tasks: items, nextCursor: page.nextCursor }, () =>
        tableOfDeliveries(page.items, terminal, now()),
      );
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

function sheetOf(task: TaskRecord): string {
  return sheetOfDelivery({ ...task, deliveryId: task.taskId, kind: 'task' });
}
