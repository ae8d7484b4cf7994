import { v7 as uuidv7 } from 'uuid';
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

/** Which of Ops-Core's two doors are configured. */
export interface Notifications {
  readonly webhooks: boolean;
  readonly stateReports: boolean;
}

interface Deps {
  readonly store: Store;
  readonly clock: Clock;
  readonly notifications: Notifications;
  /** The worker's ends that the registry needs. */
  readonly worker: LeaseHolder & Pick<Worker, 'wake' | 'drop'>;
}

/** Tasks cancelled in one transaction of a deregistration; 1,000 take some 20 ms. */
const CANCEL_STEP = 1_000;

export type Registry = ReturnType<typeof createRegistry>;

/** The agents: who is there, and telling Ops-Core of it. No HTTP, no SQL. */
export function createRegistry({ store, clock, notifications, worker }: Deps) {
  function webhook(event: LifecycleEvent, agent: Agent) {
    return notifications.webhooks ? webhookDelivery(event, agent, clock.now()) : undefined;
  }

  function newAgent(registration: Registration): Agent {
    const faults = registrationFaults({ ...registration });
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
      status: 'online',
      registeredAt: now,
      updatedAt: now,
      lastSeenAt: now,
    };
  }

  /** @throws ApiError agent_name_taken. */
  async function register(registration: Registration): Promise<Agent> {
    const agent = newAgent(registration);
    const outcome = await store.agents.insert(agent, webhook('REGISTER', agent));
    if (outcome === 'name_taken') throw nameTaken(agent.agentName);
    worker.wake();
    return agent;
  }

  /** Registers, or brings the agent of that name up to date; it keeps its id and its secret. */
  async function upsert(registration: Registration): Promise<{ agent: Agent; created: boolean }> {
    const outcome = await store.agents.upsert(newAgent(registration), (stored) =>
      webhook('REGISTER', stored),
    );
    if (outcome === undefined) throw nameTaken(registration.agentName);
    worker.wake();
    return outcome;
  }

  /** @throws ApiError agent_not_found. */
  async function get(agentId: string): Promise<Agent> {
    return found(await store.agents.get(agentId));
  }

  async function heartbeat(agentId: string): Promise<Agent> {
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
   * @throws ApiError agent_not_found.
   */
  async function deregister(agentId: string): Promise<Agent> {
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
      if (done) return agent;
    }
  }

  function report(task: StoredTask) {
    if (!notifications.stateReports) return undefined;
    const lane = laneOf(notifications.webhooks ? 'webhook' : 'state_report', task.agentId);
    return dispatchFailedReport(task, clock.now(), clock.wall(), lane);
  }

  async function resumeDeregistrations(): Promise<void> {
    for (const agentId of await store.agents.listDeregistering()) {
      await deregister(agentId);
    }
  }

  return { register, upsert, get, heartbeat, list, deregister, resumeDeregistrations };
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
