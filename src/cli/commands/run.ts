import type { Command } from 'commander';
import { agentIdOf } from '../agent-ref.ts';
import { asksService, connect, type ServiceOptions } from '../connection.ts';
import type { CliContext } from '../context.ts';
import { followTask } from '../follow-task.ts';
import { jsonObject } from '../json-object.ts';

interface Options extends ServiceOptions {
  readonly task: string;
  readonly parameters?: string;
  readonly idempotencyKey?: string;
  readonly wait?: true;
}

/** `run AGENT`: a task, as Ops-Core would give it. */
export function addRun(program: Command, context: CliContext): void {
  const { terminal } = context;
  asksService(program.command('run <agent>'))
    .description('give an agent, by its name or id, a task')
    .requiredOption('--task <name>', 'its task_name')
    .option('--parameters <json>', 'a JSON object')
    .option('--idempotency-key <key>', 'given again with the same task, no second one is made')
    .option('--wait', 'until it is delivered; exit code 1 when it will not be')
    .action(async (agent: string, options: Options) => {
      const { task, parameters, idempotencyKey, wait, json } = options;
      const body = {
        task_name: task,
        ...(parameters === undefined ? {} : { parameters: jsonObject('--parameters', parameters) }),
      };
      const client = connect(context, options);
      const receipt = await client.runTask(await agentIdOf(client, agent), body, {
        idempotencyKey,
      });
      terminal.print(json === true ? JSON.stringify(receipt) : receipt.taskId);
      if (wait === true) await followTask(context, client, receipt.taskId, json);
      else terminal.say(`accepted; to watch it: agentkit tasks watch ${receipt.taskId}`);
    });
}
