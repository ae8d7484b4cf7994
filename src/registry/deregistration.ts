import type { Principal } from '../auth/principal.ts';
import type { Clock } from '../clock.ts';
import { ApiError } from '../errors.ts';
import { laneOf } from '../outbox/delivery.ts';
import { dispatchFailedReport } from '../report/state-report.ts';
import type { Worker } from '../outbox/worker.ts';
import type { Agent, LeaseHolder, Store, StoredTask } from '../store/store.ts';
import { webhookDelivery } from '../webhook/event.ts';
import { managed } from './registry.ts';

/** Which of Ops-Core's two doors are configured. */
export interface Notifications {
  readonly webhooks: boolean;
  readonly stateReports: boolean;
}

interface Deps {
  readonly store: Store;
  readonly clock: Clock;
  readonly notifications: Notifications;
  /** Told how many tasks ended with an agent that left. */
  onTasksEnded?(outcome: 'cancelled' | 'dead', count: number): void;
  /** Called when what a token stands for has changed. */
  forgetTokens(): void;
  /** The worker's ends that a deregistration needs. */
  readonly worker: LeaseHolder & Pick<Worker, 'wake' | 'drop'>;
}

/** Tasks ended in one transaction of a deregistration: with their reports 500 take 10 ms on SQLite, 30 on PostgreSQL. */
const STEP = 500;

/** How the waiting tasks of a leaving agent end: it said goodbye, or it was not heard of for too long. */
const CANCELLED = { state: 'cancelled', lastError: 'agent_deregistered' } as const;
const DEAD = { state: 'dead', lastError: 'agent_expired' } as const;

export type Deregistration = ReturnType<typeof createDeregistration>;

/**
 * How agents leave. Waiting tasks end and are reported first, in the lane of the webhooks, so that Ops-Core hears
 * of them while it still knows the agent; then DEREGISTER. A long backlog goes in steps; a crash between two of them
 * is made good by `resume`.
 */
export function createDeregistration(deps: Deps) {
  const { store, clock, notifications, worker } = deps;

  /** @throws ApiError agent_not_found, forbidden. */
  async function deregister(agentId: string, principal: Principal): Promise<Agent> {
    managed(await store.agents.get(agentId), principal);
    const agent = await leave(agentId, CANCELLED, () => true);
    if (agent === undefined) throw new ApiError('agent_not_found');
    return agent;
  }

  /** Removes an agent that was not heard of for too long; nothing to do when it is gone or was heard of meanwhile. */
  async function expire(agentId: string, offlineSinceBefore: number): Promise<void> {
    await leave(
      agentId,
      DEAD,
      ({ status, offlineAt }) =>
        status === 'deregistering' || (offlineAt !== null && offlineAt <= offlineSinceBefore),
    );
  }

  async function resume(): Promise<void> {
    for (const agentId of await store.agents.listDeregistering()) {
      const agent = await store.agents.get(agentId);
      await leave(agentId, (agent?.offlineAt ?? null) === null ? CANCELLED : DEAD, () => true);
    }
  }

  async function leave(
    agentId: string,
    tasks: typeof CANCELLED | typeof DEAD,
    applies: (agent: Agent) => boolean,
  ): Promise<Agent | undefined> {
    for (;;) {
      const ended: string[] = [];
      const removed = await store.agents.remove(agentId, {
        at: clock.now(),
        limit: STEP,
        applies,
        tasks,
        // Giving leases back first would not do: the claim that runs beside it takes them again.
        holder: worker,
        reportOf: (task) => {
          ended.push(task.id);
          return report(task);
        },
        webhookOf: (agent) =>
          notifications.webhooks ? webhookDelivery('DEREGISTER', agent, clock.now()) : undefined,
      });
      // A transaction that was tried again has them twice.
      if (ended.length > 0) deps.onTasksEnded?.(tasks.state, new Set(ended).size);
      for (const id of ended) worker.drop(id);
      worker.wake();
      if (removed?.done === false) continue;
      deps.forgetTokens();
      return removed?.agent;
    }
  }

  function report(task: StoredTask) {
    if (!notifications.stateReports) return undefined;
    const lane = laneOf(notifications.webhooks ? 'webhook' : 'state_report', task.agentId);
    return dispatchFailedReport(task, clock.now(), clock.wall(), lane);
  }

  return { deregister, expire, resume };
}
