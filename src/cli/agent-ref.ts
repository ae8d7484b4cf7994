import type { AgentRecord } from '../sdk/api-types.ts';
import type { AgentKitClient } from '../sdk/client.ts';
import { CliError } from './exit.ts';

const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * The agent that a name or an id means.
 * @throws CliError when there is none; AgentKitError of the service.
 */
export async function findAgent(client: AgentKitClient, nameOrId: string): Promise<AgentRecord> {
  if (ID.test(nameOrId)) return client.getAgent(nameOrId);
  for await (const agent of client.iterateAgents({ name: nameOrId })) {
    if (agent.agentName === nameOrId) return agent;
  }
  throw new CliError(`there is no agent with the name ${nameOrId}; agentkit agents list shows all`);
}

/** Its id; one that is given is believed, since deliveries outlive their agents. */
export async function agentIdOf(client: AgentKitClient, nameOrId: string): Promise<string> {
  return ID.test(nameOrId) ? nameOrId : (await findAgent(client, nameOrId)).agentId;
}
