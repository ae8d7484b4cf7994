import type { Command } from 'commander';
import type { AgentFilter, AgentRecord } from '../../sdk/api-types.ts';
import { agentIdOf, findAgent } from '../agent-ref.ts';
import { confirm } from '../confirm.ts';
import { asksService, connect, type ServiceOptions } from '../connection.ts';
import type { CliContext } from '../context.ts';
import { ageOf } from '../moments.ts';
import { show } from '../show.ts';
import { fields, headedTable } from '../table.ts';
import { addAgentRegister } from './agents-register.ts';

interface ListOptions extends ServiceOptions {
  readonly name?: string;
  readonly status?: string;
  readonly capability?: string[];
}

/** `agents list|show|register|remove|pause|resume`. */
export function addAgents(program: Command, context: CliContext): void {
  const agents = program.command('agents').description('agents: who there is, and what they may');
  const { terminal, now } = context;

  asksService(agents.command('list'))
    .description('list agents')
    .option('--name <prefix>', 'those whose name starts with it')
    .option('--status <status>', 'online, unreachable, offline or deregistering')
    .option('--capability <name...>', 'those that have all of these')
    .action(async ({ json, name, status, capability, ...options }: ListOptions) => {
      const filter: AgentFilter = { name, status, capability };
      const found: AgentRecord[] = [];
      for await (const agent of connect(context, options).iterateAgents(filter)) found.push(agent);
      show(terminal, json, { agents: found }, ({ agents: list }) =>
        headedTable(
          [
            ['name', 'status', 'paused', 'version', 'last seen', 'id'],
            ...list.map((agent) => rowOf(agent, now())),
          ],
          terminal,
        ),
      );
    });

  asksService(agents.command('show <agent>'))
    .description('show one agent, by its name or id')
    .action(async (agent: string, { json, ...options }: ServiceOptions) => {
      show(terminal, json, await findAgent(connect(context, options), agent), sheetOf);
    });

  addAgentRegister(agents, context);

  asksService(agents.command('remove <agent>'))
    .description('deregister an agent: its waiting tasks are cancelled')
    .option('--yes', 'without asking')
    .action(async (agent: string, { json, yes, ...options }: ServiceOptions & { yes?: true }) => {
      const client = connect(context, options);
      const { agentId, agentName } = await findAgent(client, agent);
      await confirm(
        context,
        yes,
        `${agentName} (${agentId}) is deregistered, and its waiting tasks are cancelled.`,
      );
      show(terminal, json, await client.deregisterAgent(agentId), sheetOf);
      terminal.say(`${agentName} is deregistered`);
    });

  asksService(agents.command('pause <agent>'))
    .description('hold the tasks of an agent back: they are accepted and wait')
    .action(async (agent: string, { json, ...options }: ServiceOptions) => {
      const client = connect(context, options);
      const paused = await client.pauseAgent(await agentIdOf(client, agent));
      show(terminal, json, paused, sheetOf);
      terminal.say(`its tasks wait until: agentkit agents resume ${paused.agentName}`);
    });

  asksService(agents.command('resume <agent>'))
    .description('let the tasks of a paused agent go on')
    .action(async (agent: string, { json, ...options }: ServiceOptions) => {
      const client = connect(context, options);
      const resumed = await client.resumeAgent(await agentIdOf(client, agent));
      show(terminal, json, resumed, sheetOf);
      if (resumed.status !== 'online') {
        terminal.say(`it is ${resumed.status}: its tasks wait for it all the same`);
      }
    });
}

function rowOf(agent: AgentRecord, now: number) {
  return [
    agent.agentName,
    agent.status,
    agent.pausedAt === null ? 'no' : 'yes',
    agent.version,
    `${ageOf(agent.lastSeenAt, now)} ago`,
    agent.agentId,
  ];
}

function sheetOf(agent: AgentRecord): string {
  const { capabilities, metadata, ...rest } = agent;
  return fields({
    ...rest,
    capabilities: capabilities.join(', ') || null,
    metadata: JSON.stringify(metadata),
  });
}
