import type { DeliverySummary, ReplayRecord } from '../../src/sdk/delivery-types.ts';
import { ask, query, Refusal } from './api.ts';
import { retryDelivery, type Filter } from './deliveries.ts';

/** What is sent again: dead letters by a replay of the service; what waits for its next attempt one by one, at once. */
export interface Again {
  readonly dead: number;
  readonly waiting: readonly string[];
  /** More wait than were looked at: the rest goes on by its own schedule, or by doing this again. */
  readonly more: boolean;
}

/** What waits and is tried at once by one order of this page. */
const MOST_WAITING = 2_000;
/** Pages of 1,000 that are looked at for them: most of what waits may have no failure. */
const LOOKS = 20;
const SIDE_BY_SIDE = 6;

function replayFilter({ kind, agent_id, error_class, since, until }: Filter) {
  return { kind, agentId: agent_id, errorClass: error_class, since, until };
}

/** Counts before anything is done. */
export async function countAgain(
  filter: Filter,
  waiting: boolean,
  signal: AbortSignal,
): Promise<Again> {
  const body = { filter: replayFilter(filter), dryRun: true };
  const [counted, found] = await Promise.all([
    ask<{ total: number }>('POST', '/v1/replays', { body, signal }),
    waiting ? waitingIds(filter, signal) : { ids: [], more: false },
  ]);
  return { dead: counted.data.total, waiting: found.ids, more: found.more };
}

async function waitingIds(filter: Filter, signal: AbortSignal) {
  const ids: string[] = [];
  let cursor: string | null = null;
  let looks = 0;
  do {
    looks += 1;
    const path: string = query('/v1/deliveries', {
      ...filter,
      state: 'scheduled',
      limit: 1_000,
      cursor,
    });
    const page = await ask<DeliverySummary[]>('GET', path, { signal });
    for (const { deliveryId, errorClass } of page.data)
      if (errorClass !== null) ids.push(deliveryId);
    cursor = page.next_cursor ?? null;
  } while (cursor !== null && ids.length < MOST_WAITING && looks < LOOKS);
  // The oldest first: of an order it is the one that the others wait for.
  return {
    ids: ids.slice(0, MOST_WAITING).reverse(),
    more: cursor !== null || ids.length > MOST_WAITING,
  };
}

/** The order is stored when this resolves: the service finishes it, whatever becomes of this page. */
export async function startReplay(filter: Filter): Promise<ReplayRecord> {
  const body = { filter: replayFilter(filter) };
  return (await ask<ReplayRecord>('POST', '/v1/replays', { body })).data;
}

/** While the service is away, overloaded or shutting down. */
const AWAY: readonly number[] = [0, 429, 503];
const AWAY_MS = 1_000;

/**
 * Tries each at once. One that ended or is being sent meanwhile needs nothing; while the service is away it is waited for.
 * @returns how many were made due.
 */
export async function tryNow(
  ids: readonly string[],
  onProgress: (done: number) => void,
  signal: AbortSignal,
): Promise<number> {
  const left = ids.values();
  let done = 0;
  let tried = 0;
  async function settled(id: string): Promise<boolean> {
    try {
      await retryDelivery(id);
      tried += 1;
      return true;
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      if (AWAY.includes(error.status)) return false;
      if (error.status !== 404 && error.status !== 409) throw error;
      return true;
    }
  }
  async function work(): Promise<void> {
    for (const id of left) {
      while (!(await settled(id))) {
        if (signal.aborted) return;
        await new Promise((resolve) => setTimeout(resolve, AWAY_MS));
      }
      if (signal.aborted) return;
      done += 1;
      onProgress(done);
    }
  }
  await Promise.all(Array.from({ length: SIDE_BY_SIDE }, work));
  return tried;
}
