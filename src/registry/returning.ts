import type { FastifyBaseLogger } from 'fastify';
import type { Clock } from '../clock.ts';
import { laneOf } from '../outbox/delivery.ts';
import type { Store } from '../store/store.ts';

interface Deps {
  readonly store: Pick<Store, 'deliveries'>;
  readonly clock: Clock;
  readonly log: FastifyBaseLogger;
  readonly worker: { wake(): void };
}

/** Tasks that are made due at a return, in one transaction of some milliseconds; others wait for their own time. */
const PULLED = 1_000;

/** An agent that crashes and returns over and over must not use up the schedules of its tasks within a minute. */
const EVERY_MS = 60_000;

/**
 * What an agent's tasks wait for between two attempts is often that it comes back: when it does, those that would be sent
 * next are due now. Their attempts count like any other.
 */
export function createReturning({ store, clock, log, worker }: Deps) {
  /** When whose tasks were last pulled forward; the oldest first, none older than EVERY_MS. */
  const pulled = new Map<string, number>();

  async function pull(agentId: string, now: number): Promise<void> {
    try {
      const tasks = await store.deliveries.pullForward(laneOf('task', agentId), now, PULLED);
      if (tasks > 0) worker.wake();
    } catch (error) {
      // They are sent all the same, when their time comes.
      log.error({ err: error, agent_id: agentId }, 'waiting tasks could not be made due');
    }
  }

  return {
    /** Resolves when it is done; nobody has to wait for it. */
    async welcome(agentId: string): Promise<void> {
      const now = clock.now();
      for (const [id, at] of pulled) {
        if (now - at < EVERY_MS) break;
        pulled.delete(id);
      }
      if (pulled.has(agentId)) return;
      pulled.set(agentId, now);
      await pull(agentId, now);
    },
  };
}
