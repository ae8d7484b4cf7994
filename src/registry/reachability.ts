import type { FastifyBaseLogger } from 'fastify';
import type { Clock } from '../clock.ts';
import { laneOf } from '../outbox/delivery.ts';
import type { SendResult } from '../outbox/sending.ts';
import type { Agent, Store } from '../store/store.ts';

interface Deps {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: FastifyBaseLogger;
  readonly worker: { wake(): void; releaseLane(lane: string): Promise<void> };
  /** Told when a breaker opened or closed. */
  onBreaker?(state: 'open' | 'closed'): void;
  /** An agent answers again. */
  onReturn(agentId: string): void;
  /** Between two probes of an agent whose breaker is open, in milliseconds (PROBE_INTERVAL). */
  readonly probeInterval: number;
}

/** Failures in a row that open the breaker: more than a restart's worth of bad luck, less than a slot's worth of tasks. */
const FAILURES_TO_OPEN = 5;

/** Answers of a gateway in front of an agent that is not there. */
const GATEWAY_STATUSES = new Set([502, 504]);

/**
 * A circuit breaker per agent, fed by what dispatch attempts show. Open: the agent is `unreachable`, its tasks wait and
 * burn no attempts, and one of them is sent as a probe per interval. The state is stored, so it survives a restart.
 */
export function createReachability(deps: Deps) {
  const { store, clock, log, worker, probeInterval } = deps;
  /** Failures in a row per agent, and which breakers are open; only agents with failures are in it. */
  const failures = new Map<string, number>();
  const opening = new Map<string, Promise<void>>();

  /**
   * Takes note of an attempt.
   * @param probe whether it was the probe of an open breaker.
   * @returns whether the attempt counts against the retry schedule of its task: not while the breaker is open.
   */
  function note(agentId: string, result: SendResult, probe: boolean): { readonly counts: boolean } {
    if (isReachable(result)) {
      const wasFailing = failures.delete(agentId);
      if (probe || (wasFailing && opening.has(agentId))) void close(agentId);
      return { counts: true };
    }
    // Our own shutdown says nothing of the agent.
    if (result.errorClass === 'interrupted') return { counts: true };
    if (probe) return { counts: false };
    const count = (failures.get(agentId) ?? 0) + 1;
    failures.set(agentId, count);
    if (count === FAILURES_TO_OPEN) void open(agentId);
    // Attempts that were in flight when the breaker opened failed for the same reason.
    return { counts: count <= FAILURES_TO_OPEN };
  }

  async function open(agentId: string): Promise<void> {
    const opened = transition(agentId, (agent, now) =>
      agent.status === 'online'
        ? {
            write: { ...agent, status: 'unreachable', unreachableAt: now, updatedAt: now },
            holdUntil: now + probeInterval,
          }
        : undefined,
    ).then(async (changed) => {
      if (!changed) return;
      deps.onBreaker?.('open');
      log.warn(
        { agent_id: agentId, probe_interval_ms: probeInterval },
        'agent unreachable: circuit breaker open',
      );
      await worker.releaseLane(laneOf('task', agentId));
    });
    opening.set(agentId, opened);
    await opened.catch((error: unknown) => {
      // Not opened: the next failures in a row try again.
      failures.delete(agentId);
      log.error({ err: error, agent_id: agentId }, 'the circuit breaker could not be opened');
    });
    opening.delete(agentId);
  }

  async function close(agentId: string): Promise<void> {
    try {
      await opening.get(agentId);
      const changed = await transition(agentId, (agent, now) =>
        agent.status === 'unreachable'
          ? {
              write: { ...agent, status: 'online', unreachableAt: null, updatedAt: now },
              holdUntil: 0,
            }
          : undefined,
      );
      if (!changed) return;
      deps.onBreaker?.('closed');
      log.info({ agent_id: agentId }, 'agent reachable again: circuit breaker closed');
      worker.wake();
      deps.onReturn(agentId);
    } catch (error) {
      log.error({ err: error, agent_id: agentId }, 'the circuit breaker could not be closed');
    }
  }

  async function transition(
    agentId: string,
    next: (agent: Agent, now: number) => { write: Agent; holdUntil: number } | undefined,
  ): Promise<boolean> {
    const now = clock.now();
    const { result } = await store.agents.change<boolean>({ agentId }, (agent) => {
      const change = agent === undefined ? undefined : next(agent, now);
      return change === undefined
        ? { result: false }
        : { result: true, event: 'status', ...change };
    });
    return result;
  }

  return {
    note,
    /** The agent was heard of: what was counted against it is of the past. */
    reset: (agentId: string): void => {
      failures.delete(agentId);
    },
  };
}

/** Any answer but a gateway's shows that the agent is there; what it answered is its own business. */
function isReachable({ statusCode }: SendResult): boolean {
  return statusCode !== null && !GATEWAY_STATUSES.has(statusCode);
}
