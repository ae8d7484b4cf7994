import type { Operation } from '../oracle/history.ts';
import { PAUSE_MS, type Client, type Data } from './client.ts';
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

/** @returns whether it was cancelled; not, when it had ended before. */
export async function cancelTask(client: Client, operation: Operation): Promise<boolean> {
  const [id] = operation.ids;
  if (id === undefined) throw new Error(`${operation.key} was never acknowledged`);
  operation.cancel = { outcome: 'unknown', at: Number.POSITIVE_INFINITY };
  for (;;) {
    const status = await client.ask({ method: 'POST', path: `/v1/tasks/${id}/cancel` });
    const at = Date.now();
    if (status === 200) operation.cancel = { outcome: 'acknowledged', at };
    if (status === 409) delete operation.cancel;
    if (status === 200 || status === 409) return status === 200;
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}

/** An agent that stays. @throws Error when it was refused. */
export async function registerAgent(
  client: Client,
  agentName: string,
  contactEndpoint: string,
  leaseSeconds?: number,
): Promise<Registered> {
  const answer = await register(client, agentName, 1, { contactEndpoint, leaseSeconds });
  if (answer === undefined) throw new Error(`${agentName} could not be registered`);
  return answer as unknown as Registered;
}

export interface Life {
  readonly agentName: string;
  /** Registrations, each with another version. */
  readonly versions: number;
  /** Whether it is deregistered in the end. */
  readonly leaves: boolean;
}

/** One life of an agent. One webhook follows of each step. */
export async function live(client: Client, { agentName, versions, leaves }: Life): Promise<void> {
  let agentId: string | undefined;
  for (let version = 1; version <= versions; version += 1) {
    const answer = await register(client, agentName, version, { contactEndpoint: NOWHERE });
    // A client that gave up knows of no agent, and leaves it at that.
    if (answer === undefined) return;
    agentId = answer['agentId'] as string;
  }
  if (!leaves) return;
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

/**
 * A registration has no key: a request whose connection was cut while the service lives may still be carried out after
 * its repetition, and after the next version. So these are repeated only after a kill, which ends what was under way.
 */
function register(
  client: Client,
  agentName: string,
  version: number,
  fields: { readonly contactEndpoint: string; readonly leaseSeconds?: number | undefined },
): Promise<Data | undefined> {
  const operation: Operation = {
    key: eventKey(agentName, String(version)),
    order: { agent: agentName, place: version, removes: false },
    outcome: 'untold',
    ids: new Set(),
  };
  const body = { agentName, version: String(version), ...fields };
  return client.perform(operation, {
    method: 'PUT',
    path: '/v1/agents/register',
    body: JSON.stringify(body),
  });
}
