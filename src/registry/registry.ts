import { v7 as uuidv7 } from 'uuid';
import { mayManage, type Principal } from '../auth/principal.ts';
import { newToken, tokenHash } from '../auth/token.ts';
import type { Clock } from '../clock.ts';
import { ApiError, invalid } from '../errors.ts';
import { laneOf } from '../outbox/delivery.ts';
import type { Worker } from '../outbox/worker.ts';
import { dispatchFailedReport } from '../report/state-report.ts';
import type { Agent, AgentFilter, LeaseHolder, Page, Store, StoredTask } from '../store/store.ts';
import { webhookDelivery, type LifecycleEvent } from '../webhook/event.ts';
import { newSigningSecret } from '../webhook/sign.ts';
import { registrationFaults } from './rules.ts';

export interface Registration {
  readonly agentName: string;
  readonly version: string;
  readonly contactEndpoint: string;
  readonly capabilities?: readonly string[] | null;
  readonly metadata?: Readonly<Record<string, unknown>> | null;
}

export interface Registered {
  readonly agent: Agent;
  /** Shown only here; undefined when the agent keeps the one it came with. */
  readonly agentToken: string | undefined;
  readonly created: boolean;
}

/** Which of Ops-Core's two doors are configured. */
export interface Notifications {
  readonly webhooks: boolean;
  readonly stateReports: boolean;
}

interface Deps {
  readonly store: Store;
  readonly clock: Clock;
  readonly notifications: Notifications;
  /** Whether an endpoint is a place where agents may not live. */
  isUrlBlocked(url: URL): boolean;
  /** How long a replaced secret or token stays valid unless said otherwise, in milliseconds. */
  readonly secretOverlap: number;
  /** Called when what a token stands for has changed. */
  forgetTokens(): void;
  /** The worker's ends that the registry needs. */
  readonly worker: LeaseHolder & Pick<Worker, 'wake' | 'drop'>;
}

/** Tasks cancelled in one transaction of a deregistration; 1,000 take some 20 ms. */
const CANCEL_STEP = 1_000;

export type Registry = ReturnType<typeof createRegistry>;

/** The agents: who is there, and telling Ops-Core of it. No HTTP, no SQL. */
export function createRegistry(deps: Deps) {
  const { store, clock, notifications, worker } = deps;

  function webhook(event: LifecycleEvent, agent: Agent) {
    return notifications.webhooks ? webhookDelivery(event, agent, clock.now()) : undefined;
  }

  function newAgent(registration: Registration, owner: string | null): Agent {
    const faults = registrationFaults({ ...registration });
    if (faults.length === 0 && deps.isUrlBlocked(new URL(registration.contactEndpoint))) {
      faults.push({ path: '/contactEndpoint', message: 'Agents may not live at this address' });
    }
    if (faults.length > 0) throw invalid(faults);
    const now = clock.now();
    return {
      agentId: uuidv7(),
      agentName: registration.agentName,
      version: registration.version,
      contactEndpoint: registration.contactEndpoint,
      capabilities: registration.capabilities ?? [],
      metadata: registration.metadata ?? {},
      signingSecret: newSigningSecret(),
      previousSecret: null,
      owner,
      status: 'online',
      registeredAt: now,
      updatedAt: now,
      lastSeenAt: now,
    };
  }

  /** A token for an agent; one that it replaces stays valid for the overlap. */
  function newAgentToken() {
    const token = newToken('agt');
    const previousUntil = clock.now() + deps.secretOverlap;
    return { token, stored: { hash: tokenHash(token), previousUntil } };
  }

  /** @throws ApiError agent_name_taken. */
  async function register(registration: Registration, principal: Principal): Promise<Registered> {
    const agent = newAgent(registration, ownerOf(principal));
    const { token, stored } = newAgentToken();
    const outcome = await store.agents.insert(agent, stored, webhook('REGISTER', agent));
    if (outcome === 'name_taken') throw nameTaken(agent.agentName);
    worker.wake();
    return { agent, agentToken: token, created: true };
  }

  /**
   * Registers, or brings the agent of that name up to date; it keeps its id and its secret. Whoever comes with a key
   * gets a new token, since a restarted agent has lost its own; who comes with the token keeps it.
   * @throws ApiError forbidden, agent_name_taken (it is just being deregistered).
   */
  async function upsert(registration: Registration, principal: Principal): Promise<Registered> {
    const fresh = principal.kind === 'agent' ? undefined : newAgentToken();
    const result = await store.agents.upsert(
      newAgent(registration, ownerOf(principal)),
      fresh?.stored,
      {
        mayUpdate: (stored) => mayManage(principal, stored),
        webhookOf: (stored) => webhook('REGISTER', stored),
      },
    );
    if (!('agent' in result)) {
      throw result.outcome === 'forbidden'
        ? new ApiError('forbidden')
        : nameTaken(registration.agentName);
    }
    worker.wake();
    return {
      agent: result.agent,
      agentToken: fresh?.token,
      created: result.outcome === 'created',
    };
  }

  /** Replaces an agent's signing secret; both sign for `overlapMs`, the hex header changes after `hexAfterMs`. */
  async function rotateSecret(
    agentId: string,
    principal: Principal,
    { overlapMs = deps.secretOverlap, hexAfterMs = 0 }: { overlapMs?: number; hexAfterMs?: number },
  ): Promise<Agent> {
    await managed(agentId, principal);
    const now = clock.wall();
    return found(
      await store.agents.rotateSecret(agentId, {
        secret: newSigningSecret(),
        previousUntil: now + overlapMs,
        hexUntil: now + Math.min(hexAfterMs, overlapMs),
      }),
    );
  }

  /** @throws ApiError agent_not_found, forbidden. */
  async function managed(agentId: string, principal: Principal): Promise<Agent> {
    const agent = found(await store.agents.get(agentId));
    if (!mayManage(principal, agent)) throw new ApiError('forbidden');
    return agent;
  }

  /** @throws ApiError agent_not_found. */
  async function get(agentId: string): Promise<Agent> {
    return found(await store.agents.get(agentId));
  }

  async function heartbeat(agentId: string, principal: Principal): Promise<Agent> {
    await managed(agentId, principal);
    return found(await store.agents.touch(agentId, clock.now()));
  }

  function list(
    filter: AgentFilter,
    page: { limit: number; after: string | null },
  ): Promise<Page<Agent>> {
    return store.agents.list(filter, page);
  }

  /**
   * Deregisters: waiting tasks are cancelled and reported first, in the lane of the webhooks, so that Ops-Core hears
   * of them while it still knows the agent; then DEREGISTER. A long backlog goes in steps, and a crash between two
   * of them is made good by `resumeDeregistrations`.
   * @throws ApiError agent_not_found, forbidden.
   */
  async function deregister(agentId: string, principal: Principal): Promise<Agent> {
    await managed(agentId, principal);
    return finishDeregistration(agentId);
  }

  async function finishDeregistration(agentId: string): Promise<Agent> {
    for (;;) {
      const cancelled: string[] = [];
      const removed = await store.agents.remove(agentId, {
        at: clock.now(),
        limit: CANCEL_STEP,
        // Giving leases back first would not do: the claim that runs beside it takes them again.
        holder: worker,
        reportOf: (task) => {
          cancelled.push(task.id);
          return report({ ...task, lastError: 'agent_deregistered' });
        },
        webhookOf: (agent) => webhook('DEREGISTER', agent),
      });
      for (const id of cancelled) worker.drop(id);
      worker.wake();
      const { agent, done } = found(removed);
      if (!done) continue;
      deps.forgetTokens();
      return agent;
    }
  }

  function report(task: StoredTask) {
    if (!notifications.stateReports) return undefined;
    const lane = laneOf(notifications.webhooks ? 'webhook' : 'state_report', task.agentId);
    return dispatchFailedReport(task, clock.now(), clock.wall(), lane);
  }

  async function resumeDeregistrations(): Promise<void> {
    for (const agentId of await store.agents.listDeregistering()) {
      await finishDeregistration(agentId);
    }
  }

  return {
    register,
    upsert,
    get,
    heartbeat,
    list,
    rotateSecret,
    deregister,
    resumeDeregistrations,
  };
}

/** Agents belong to the key that registered them, by its name: keys are replaced, names stay. */
function ownerOf(principal: Principal): string | null {
  return principal.kind === 'key' ? principal.name : null;
}

function nameTaken(agentName: string): ApiError {
  return new ApiError('agent_name_taken', {
    message: `An agent named ${JSON.stringify(agentName)} is registered already. Take another name, or deregister it first.`,
  });
}

function found<T>(value: T | undefined): T {
  if (value === undefined) throw new ApiError('agent_not_found');
  return value;
}
