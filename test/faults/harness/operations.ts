import type { Operation } from '../oracle/history.ts';
import type { Client, Data } from './client.ts';
import { eventKey, GONE, taskBody } from './keys.ts';

/** Nobody listens there; agents that only register need no more. */
const NOWHERE = 'http://127.0.0.1:9/';

export interface Registered {
  readonly agentId: string;
  readonly signingSecret: string;
}

/** The n-th task of an experiment: asked for until it is known to be stored, always with the same key. */
export async function runTask(client: Client, agentId: string, n: number): Promise<Operation> {
  const key = `task-${n}`;
  const body = taskBody(key);
  const operation: Operation = { key, body, outcome: 'untold', ids: new Set() };
  await client.perform(operation, {
    method: 'POST',
    path: `/v1/agents/${agentId}/run`,
    body,
    idempotencyKey: key,
    idOf: (data) => data['taskId'] as string,
  });
  return operation;
}

/** An agent that stays. @throws Error when it was refused. */
export async function registerAgent(
  client: Client,
  agentName: string,
  contactEndpoint: string,
): Promise<Registered> {
  const answer = await register(client, agentName, 1, contactEndpoint);
  if (answer === undefined) throw new Error(`${agentName} could not be registered`);
  return answer as unknown as Registered;
}

/** One life of an agent: it registers, changes its version a few times, and leaves. One webhook follows of each step. */
export async function liveAndLeave(
  client: Client,
  agentName: string,
  versions: number,
): Promise<void> {
  let agentId: string | undefined;
  for (let version = 1; version <= versions; version += 1) {
    const answer = await register(client, agentName, version, NOWHERE);
    // A client that gave up knows of no agent, and leaves it at that.
    if (answer === undefined) return;
    agentId = answer['agentId'] as string;
  }
  const operation: Operation = {
    key: eventKey(agentName, GONE),
    order: { agent: agentName, place: versions + 1, removes: true },
    outcome: 'untold',
    ids: new Set(),
  };
  await client.perform(operation, {
    method: 'DELETE',
    path: `/v1/agents/${String(agentId)}`,
    goneIsDone: true,
  });
}

function register(
  client: Client,
  agentName: string,
  version: number,
  contactEndpoint: string,
): Promise<Data | undefined> {
  const operation: Operation = {
    key: eventKey(agentName, String(version)),
    order: { agent: agentName, place: version, removes: false },
    outcome: 'untold',
    ids: new Set(),
  };
  const body = { agentName, version: String(version), contactEndpoint };
  return client.perform(operation, {
    method: 'PUT',
    path: '/v1/agents/register',
    body: JSON.stringify(body),
  });
}
