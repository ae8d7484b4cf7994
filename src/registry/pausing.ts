import type { FastifyBaseLogger } from 'fastify';
import { nameOfPrincipal, type Principal } from '../auth/principal.ts';
import type { Clock } from '../clock.ts';
import { ApiError } from '../errors.ts';
import { laneOf } from '../outbox/delivery.ts';
import type { Agent, Store } from '../store/store.ts';

interface Deps {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: FastifyBaseLogger;
  readonly worker: { wake(): void; releaseLane(lane: string): Promise<void> };
}

export type Pausing = ReturnType<typeof createPausing>;

/**
 * An operator holds an agent's tasks back. That is apart from what its leases and its breaker say of it: no heartbeat ends
 * a pause, and the end of a pause makes no agent reachable.
 */
export function createPausing({ store, clock, log, worker }: Deps) {
  async function set(
    agentId: string,
    paused: boolean,
  ): Promise<{ agent: Agent; changed: boolean }> {
    const { agent, result: changed } = await store.agents.change({ agentId }, (before) => {
      if (before === undefined || before.status === 'deregistering') {
        throw new ApiError('agent_not_found');
      }
      if ((before.pausedAt !== null) === paused) return { result: false };
      const now = clock.now();
      const write: Agent = { ...before, pausedAt: paused ? now : null, updatedAt: now };
      return { result: true, write, event: 'status' };
    });
    if (agent === undefined) throw new ApiError('agent_not_found');
    return { agent, changed };
  }

  return {
    /**
     * Attempts that are under way run out, and none begins any more: at once in this process, within a second in others.
     * Paused already: nothing happens. @throws ApiError agent_not_found.
     */
    async pause(agentId: string, principal: Principal): Promise<Agent> {
      const { agent, changed } = await set(agentId, true);
      await worker.releaseLane(laneOf('task', agentId));
      if (changed) log.warn({ agent_id: agentId, by: nameOfPrincipal(principal) }, 'agent paused');
      return agent;
    },

    /** Not paused: nothing happens. @throws ApiError agent_not_found. */
    async resume(agentId: string, principal: Principal): Promise<Agent> {
      const { agent, changed } = await set(agentId, false);
      worker.wake();
      if (changed) log.info({ agent_id: agentId, by: nameOfPrincipal(principal) }, 'agent resumed');
      return agent;
    },
  };
}
