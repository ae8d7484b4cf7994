import type { NewDelivery } from '../../src/outbox/delivery.ts';
import type {
  Agent,
  AgentChange,
  ClaimRequest,
  ClaimResult,
  InsertTaskResult,
  Store,
  TaskStore,
} from '../../src/store/store.ts';
import { aToken } from './records.ts';

// What tests ask of any store, with everything said that a test is not about.

/** Stores a new agent as a registration does; the agent as it then is. */
export async function insertAgent(
  store: Store,
  agent: Agent,
  change: Partial<AgentChange> = {},
): Promise<Agent> {
  const { agent: stored } = await store.agents.change({ agentId: agent.agentId }, () => ({
    result: undefined,
    write: agent,
    token: aToken(),
    ...change,
  }));
  if (stored === undefined) throw new Error('an inserted agent is there');
  return stored;
}

/** Writes an agent that is stored with these fields changed; the agent as it then is. */
export async function updateAgent(
  store: Store,
  agentId: string,
  fields: Partial<Agent>,
  change: Partial<AgentChange> = {},
): Promise<Agent> {
  const { agent } = await store.agents.change({ agentId }, (stored) => {
    if (stored === undefined) throw new Error(`there is no agent ${agentId}`);
    return { result: undefined, write: { ...stored, ...fields }, ...change };
  });
  if (agent === undefined) throw new Error('an updated agent is there');
  return agent;
}

export function insertTask(
  store: { readonly tasks: Pick<TaskStore, 'insert'> },
  task: NewDelivery,
  options: Partial<Parameters<TaskStore['insert']>[1]> = {},
): Promise<InsertTaskResult> {
  return store.tasks.insert(task, {
    lease: undefined,
    idempotency: undefined,
    queueLimit: 1_000_000,
    ...options,
  });
}

/** Claims all there is, unless the request says otherwise. */
export function claimAt(
  store: Pick<Store, 'outbox'>,
  now: number,
  request: Partial<ClaimRequest> = {},
): Promise<ClaimResult> {
  return store.outbox.claim({
    lease: { owner: 'worker', until: now + 20_000 },
    probeIntervalMs: 15_000,
    now,
    limit: 1_000,
    maxBytes: Number.MAX_SAFE_INTEGER,
    capacityOf: () => 1_000,
    ...request,
  });
}

type Removal = Parameters<Store['agents']['remove']>[1];

/** An agent says goodbye, and nobody is told. */
export function removal(at: number, plan: Partial<Removal> = {}): Removal {
  return {
    at,
    limit: 100,
    applies: () => true,
    tasks: { state: 'cancelled', lastError: 'agent_deregistered' },
    reportOf: () => undefined,
    webhookOf: () => undefined,
    ...plan,
  };
}
