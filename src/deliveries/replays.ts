import type { FastifyBaseLogger } from 'fastify';
import { nameOfPrincipal, type Principal } from '../auth/principal.ts';
import type { Clock } from '../clock.ts';
import { ApiError } from '../errors.ts';
import { newId } from '../ids.ts';
import type { Replay, ReplayFilter } from '../store/delivery-store.ts';
import type { Page, Store } from '../store/store.ts';

interface Deps {
  readonly store: Pick<Store, 'replays' | 'replica'>;
  readonly clock: Clock;
  readonly log: FastifyBaseLogger;
  readonly worker: { wake(): void };
  readonly observer?: ReplayObserver;
}

/** Told of replays that this replica begins, ends, or goes on with. */
export interface ReplayObserver {
  replay(event: 'begun' | 'done' | 'cancelled'): void;
  replayed(counts: { readonly replayed: number; readonly skipped: number }): void;
}

/** Dead letters that have their turn in one transaction, which takes some milliseconds. */
const STEP = 100;

/** How often it is looked whether a replay is to be gone on with: one that another replica left, or that had to wait. */
const POLL_MS = 1_000;

/** One replica goes on with replays, and another takes over when it was silent for so long. */
const LEAD_MS = 5_000;
const LEAD_AGAIN_MS = 1_000;

export type Replays = ReturnType<typeof createReplays>;

/**
 * Sends dead letters again, many by one order. A replay is stored, and so is how far it is, in the transaction of each
 * step: it goes on after a crash, and on whichever replica. What it schedules is sent like anything else, within the caps
 * of the workers.
 */
export function createReplays({ store, clock, log, worker, observer }: Deps) {
  let stopped = true;
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> | undefined;
  let again = false;

  /** Dead letters of a filter; in steps, so that nobody waits for a long count. */
  async function count(filter: ReplayFilter, diedBefore = clock.now()): Promise<number> {
    let total = 0;
    let after: string | null = null;
    do {
      const look: Awaited<ReturnType<Store['replays']['count']>> = await store.replays.count(
        filter,
        { diedBefore, after },
      );
      total += look.matched;
      after = look.cursor;
      await turnOfEventLoop();
    } while (after !== null);
    return total;
  }

  /** What is a dead letter at this moment, and no later one, is sent again in the background. */
  async function create(filter: ReplayFilter, principal: Principal): Promise<Replay> {
    const createdAt = clock.now();
    const total = await count(filter, createdAt);
    const createdBy = principal.kind === 'anonymous' ? null : nameOfPrincipal(principal);
    const replay = await store.replays.insert({ id: newId(), filter, createdAt, createdBy, total });
    observer?.replay('begun');
    log.info({ replay_id: replay.id, total, by: createdBy }, 'replay begun');
    wake();
    return replay;
  }

  /** @throws ApiError replay_not_found. */
  async function get(id: string): Promise<Replay> {
    const replay = await store.replays.get(id);
    if (replay === undefined) throw new ApiError('replay_not_found');
    return replay;
  }

  function list(page: {
    readonly limit: number;
    readonly before: string | null;
  }): Promise<Page<Replay>> {
    return store.replays.list(page);
  }

  /** What it has scheduled stays so. @throws ApiError replay_not_found, replay_finished. */
  async function cancel(id: string, principal: Principal): Promise<Replay> {
    const outcome = await store.replays.cancel(id, clock.now());
    if (outcome === 'not_found') throw new ApiError('replay_not_found');
    if (outcome === 'finished') throw new ApiError('replay_finished');
    observer?.replay('cancelled');
    log.info({ replay_id: id, by: nameOfPrincipal(principal) }, 'replay cancelled');
    return get(id);
  }

  function wake(): void {
    if (stopped) return;
    if (running !== undefined) {
      again = true;
      return;
    }
    clearTimeout(timer);
    running = runAll()
      .catch((error: unknown) => {
        log.error({ err: error }, 'a replay could not go on; trying again');
      })
      .finally(() => {
        running = undefined;
        if (again) {
          again = false;
          wake();
        } else if (!stopped) timer = setTimeout(wake, POLL_MS);
      });
  }

  async function runAll(): Promise<void> {
    for (const replay of await store.replays.listRunning()) {
      if (!(await run(replay))) return;
    }
  }

  /** As far as it can go now. @returns false when this replica is to stop. */
  async function run(begun: Replay): Promise<boolean> {
    const { id } = begun;
    let before = begun;
    let ledAt = Number.NEGATIVE_INFINITY;
    while (!stopped) {
      const now = clock.now();
      if (now - ledAt >= LEAD_AGAIN_MS) {
        if ((await store.replica.lead('replays', now, LEAD_MS)) === undefined) return false;
        ledAt = now;
      }
      const step = await store.replays.step(id, { now, limit: STEP });
      if (step === undefined) return true;
      worker.wake();
      const { state, replayed, skipped } = step.replay;
      observer?.replayed({
        replayed: replayed - before.replayed,
        skipped: skipped - before.skipped,
      });
      before = step.replay;
      if (state !== 'running') {
        observer?.replay('done');
        log.info({ replay_id: id, replayed, skipped }, 'replay done');
        return true;
      }
      if (step.waiting) return true;
      await turnOfEventLoop();
    }
    return false;
  }

  return {
    count,
    create,
    get,
    list,
    cancel,
    start(): void {
      stopped = false;
      wake();
    },
    /** The step that is under way ends; the rest goes on at the next start, or elsewhere. */
    async stop(): Promise<void> {
      stopped = true;
      clearTimeout(timer);
      await running;
    },
  };
}

function turnOfEventLoop(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
