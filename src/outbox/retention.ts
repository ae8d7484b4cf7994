import type { FastifyBaseLogger } from 'fastify';
import type { Clock } from '../clock.ts';
import type { Store } from '../store/store.ts';

/** How often finished deliveries are looked through, and how many rows at a time: a step holds up nobody for long. */
const EVERY_MS = 60_000;
const STEP_ROWS = 500;

/** Deletes what ended longer ago than its retention: one pass a minute, by one replica, in small steps. */
export function startRetention(
  { store, clock, log }: { store: Store; clock: Clock; log: FastifyBaseLogger },
  { retention, deadLetterRetention }: { retention: number; deadLetterRetention: number },
): { stop(): Promise<void> } {
  let stopped = false;
  let pass: Promise<void> = Promise.resolve();
  const timer = setInterval(() => {
    pass = pass.then(prunePass);
  }, EVERY_MS);
  timer.unref();

  async function prunePass(): Promise<void> {
    try {
      const led = await store.replica.lead('retention', clock.now(), 1.5 * EVERY_MS);
      if (led === undefined) return;
      let cursor: number | null = 0;
      let deleted = 0;
      while (cursor !== null && !stopped) {
        const now = clock.now();
        const step = await store.outbox.prune({
          finishedBefore: now - retention,
          deadBefore: now - deadLetterRetention,
          limit: STEP_ROWS,
          cursor,
        });
        deleted += step.deleted;
        cursor = step.cursor;
      }
      while (!stopped) {
        const pruned = await store.agents.pruneEvents(clock.now() - retention, STEP_ROWS);
        if (pruned < STEP_ROWS) break;
      }
      while (!stopped) {
        const pruned = await store.replays.prune(clock.now() - retention, STEP_ROWS);
        if (pruned < STEP_ROWS) break;
      }
      if (deleted > 0) log.info({ deleted }, 'old deliveries deleted');
    } catch (error) {
      log.error({ err: error }, 'deleting old deliveries failed; trying again later');
    }
  }

  return {
    stop: async () => {
      stopped = true;
      clearInterval(timer);
      await pass;
    },
  };
}
