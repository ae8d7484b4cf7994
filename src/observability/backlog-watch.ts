import type { FastifyBaseLogger } from 'fastify';
import type { Clock } from '../clock.ts';
import { COUNT_LIMIT, type Backlog } from '../store/backlog.ts';
import type { Store } from '../store/store.ts';

/** Between the end of one look and the next. */
const EVERY_MS = 5_000;

/** What there was when it was last looked at. */
export interface Glance {
  readonly backlog: Backlog;
  /** On the scheduling clock. */
  readonly at: number;
}

export interface BacklogWatch {
  /** undefined until there was a first look. It stays what it was while the store cannot be asked. */
  latest(): Glance | undefined;
  start(): void;
  stop(): Promise<void>;
}

/**
 * Looks at the backlog in the background, so that neither a scrape of the metrics nor an open dashboard costs the store
 * anything, however many there are. `onGlance` is told of each look.
 */
export function createBacklogWatch({
  store,
  clock,
  log,
  onGlance = () => undefined,
}: {
  readonly store: Pick<Store, 'backlog'>;
  readonly clock: Clock;
  readonly log: FastifyBaseLogger;
  readonly onGlance?: (glance: Glance) => void;
}): BacklogWatch {
  let latest: Glance | undefined;
  let timer: NodeJS.Timeout | undefined;
  let looking: Promise<void> = Promise.resolve();
  let stopped = false;
  let failing = false;

  async function look(): Promise<void> {
    try {
      const backlog = await store.backlog(COUNT_LIMIT);
      latest = { backlog, at: clock.now() };
      failing = false;
      onGlance(latest);
    } catch (error) {
      // Said once for an outage, which shows elsewhere as well.
      if (!failing) log.warn({ err: error }, 'the backlog cannot be counted; trying again');
      failing = true;
    }
    if (!stopped) timer = setTimeout(next, EVERY_MS).unref();
  }

  function next(): void {
    looking = look();
  }

  return {
    latest: () => latest,
    start: next,
    stop: async () => {
      stopped = true;
      clearTimeout(timer);
      await looking;
    },
  };
}
