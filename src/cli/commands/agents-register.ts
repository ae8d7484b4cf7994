import type { Command } from 'commander';
import type { AgentRegistration } from '../../sdk/api-types.ts';
import { asksService, connect, type ServiceOptions } from '../connection.ts';
import type { CliContext } from '../context.ts';
import { jsonObject } from '../json-object.ts';
import { wholeNumber } from '../numbers.ts';
import { show } from '../show.ts';
import { fields } from '../table.ts';

interface Options extends ServiceOptions {
  readonly endpoint: string;
  readonly release: string;
  readonly capability?: string[];
  readonly metadata?: string;
  readonly lease?: number;
  readonly again?: true;
}

/** `agents register NAME`: for agents that do not register themselves. */
export function addAgentRegister(agents: Command, context: CliContext): void {
  const { terminal } = context;
  asksService(agents.command('register <name>'))
    .description('register an agent that does not do so itself')
    .requiredOption('--endpoint <url>', 'where tasks are posted to')
    .option('--release <version>', 'the version of the agent', '1.0.0')
    .option('--capability <name...>', 'what it can do')
    .option('--metadata <json>', 'a JSON object')
    .option('--lease <seconds>', 'it promises a heartbeat in each', wholeNumber(1, 86_400))
    .option('--again', 'also when it is registered: its entry is replaced')
    .action(async (name: string, { json, again, ...options }: Options) => {
      const agent: AgentRegistration = {
        agentName: name,
        version: options.release,
        contactEndpoint: options.endpoint,
        capabilities: options.capability ?? [],
        ...(options.metadata === undefined
          ? {}
          : { metadata: jsonObject('--metadata', options.metadata) }),
        ...(options.lease === undefined ? {} : { leaseSeconds: options.lease }),
      };
      const client = connect(context, options);
      const registered = await (again === true
        ? client.upsertAgent(agent)
        : client.registerAgent(agent));
      const { agentId, signingSecret, agentToken } = registered;
      show(terminal, json, registered, () => fields({ agentId, signingSecret, agentToken }));
      terminal.say('keep the secret and the token now: the token is not shown again');
    });
}
