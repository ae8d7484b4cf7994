import type { FastifyBaseLogger } from 'fastify';
import { nameOfPrincipal, type Principal } from '../auth/principal.ts';
import type { Clock } from '../clock.ts';
import { ApiError, type ErrorCode } from '../errors.ts';
import type { DeliveryKind } from '../outbox/delivery.ts';
import type { Worker } from '../outbox/worker.ts';
import type { DeliveryDetail, DeliveryFilter, RetryOutcome } from '../store/delivery-store.ts';
import type { DeliveryRecord, Page, Store } from '../store/store.ts';

/**
 * What a delivery waits for.
 * - `agent_paused`, `agent_offline`, `agent_unreachable`: its agent
 * - `earlier_delivery`: the one before it in its order
 * - `configuration`: where it goes to is not configured
 * - `next_attempt`: the time of its next attempt
 * - `turn`: a free slot; it is due
 * - `attempt`: the end of an attempt that is under way, or about to begin
 */
export type WaitsFor =
  | 'agent_paused'
  | 'agent_offline'
  | 'agent_unreachable'
  | 'earlier_delivery'
  | 'configuration'
  | 'next_attempt'
  | 'turn'
  | 'attempt';

export type DeliveryFound = DeliveryDetail & { readonly waitsFor: WaitsFor | null };

interface Deps {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: FastifyBaseLogger;
  readonly worker: Pick<Worker, 'drop' | 'isSent' | 'readmit' | 'wake'>;
  /** Told of each that somebody ended. */
  onCancelled?(kind: DeliveryKind): void;
}

/** What is busy is so for the rest of an attempt. */
const BUSY_RETRY_SECONDS = 2;

const REFUSED: Readonly<Partial<Record<RetryOutcome, ErrorCode>>> = {
  delivered: 'delivery_delivered',
  superseded: 'delivery_superseded',
  busy: 'delivery_busy',
  agent_gone: 'agent_gone',
  not_found: 'delivery_not_found',
};

export type Deliveries = ReturnType<typeof createDeliveries>;

/** Deliveries of every kind, as operators see and mend them. No HTTP, no SQL. */
export function createDeliveries(deps: Deps) {
  const { store, clock, log, worker } = deps;

  /** The last accepted first; a page may be short although there is another. */
  function list(
    filter: DeliveryFilter,
    page: { readonly limit: number; readonly before: string | null },
  ): Promise<Page<DeliveryRecord>> {
    return store.deliveries.list(filter, page);
  }

  /** @throws ApiError delivery_not_found. */
  async function get(id: string): Promise<DeliveryFound> {
    const detail = await store.deliveries.get(id);
    if (detail === undefined) throw new ApiError('delivery_not_found');
    return { ...detail, waitsFor: await waitsFor(detail) };
  }

  /** The one with this id, if it is of the filter: a page like any other. */
  async function find(id: string, filter: DeliveryFilter): Promise<Page<DeliveryRecord>> {
    const record = (await store.deliveries.get(id))?.record;
    return { items: record !== undefined && isOf(record, filter) ? [record] : [], next: null };
  }

  async function waitsFor({ record, behind }: DeliveryDetail): Promise<WaitsFor | null> {
    const { state, kind, agentId, errorClass, nextAttemptAt } = record;
    if (state !== 'scheduled') return null;
    if (nextAttemptAt === null) return 'attempt';
    const agent = kind === 'task' ? await store.agents.get(agentId) : undefined;
    if (agent !== undefined && agent.pausedAt !== null) return 'agent_paused';
    if (agent?.status === 'offline') return 'agent_offline';
    if (agent?.status === 'unreachable') return 'agent_unreachable';
    if (behind !== null) return 'earlier_delivery';
    if (nextAttemptAt <= clock.now()) return 'turn';
    return errorClass === 'not_configured' ? 'configuration' : 'next_attempt';
  }

  /**
   * Sends it now, whatever became of it before, under its id and with its whole retry schedule before it. One that a worker
   * has already is left to it.
   * @param force also one that was delivered.
   * @throws ApiError delivery_not_found, delivery_delivered, delivery_superseded, delivery_busy, agent_gone.
   */
  async function retry(id: string, force: boolean, principal: Principal): Promise<DeliveryFound> {
    // Cancelled while it was sent: two attempts side by side would be one too many.
    if (worker.isSent(id) && (await get(id)).record.state !== 'scheduled') throw busy();
    const outcome = await store.deliveries.retry(id, { now: clock.now(), force });
    if (outcome === 'busy') throw busy();
    const code = REFUSED[outcome];
    if (code !== undefined) throw new ApiError(code);
    worker.readmit(id);
    worker.wake();
    const found = await get(id);
    note('delivery retried', found, principal);
    return found;
  }

  /**
   * Ends one that waits. No attempt of a task starts after this resolved; of a webhook or state report that is being sent
   * it has to be known first how that ends, since the next of its order waits for it.
   * @throws ApiError delivery_not_found, delivery_finished, delivery_busy.
   */
  async function cancel(id: string, principal: Principal): Promise<DeliveryFound> {
    const { record } = await get(id);
    const now = clock.now();
    const outcome =
      record.kind === 'task'
        ? await store.tasks.cancel(id, now)
        : await store.deliveries.cancel(id, now);
    if (outcome === 'not_found') throw new ApiError('delivery_not_found');
    if (outcome === 'finished') throw new ApiError('delivery_finished');
    if (outcome === 'busy') throw busy();
    worker.drop(id);
    worker.wake();
    const found = await get(id);
    if (record.state !== 'cancelled') {
      deps.onCancelled?.(record.kind);
      note('delivery cancelled', found, principal);
    }
    return found;
  }

  function note(what: string, { record }: DeliveryFound, principal: Principal): void {
    const { id, kind, agentId } = record;
    log.info({ delivery_id: id, kind, agent_id: agentId, by: nameOfPrincipal(principal) }, what);
  }

  return { list, find, get, retry, cancel };
}

function busy(): ApiError {
  return new ApiError('delivery_busy', { retryAfterSeconds: BUSY_RETRY_SECONDS });
}

function isOf(record: DeliveryRecord, filter: DeliveryFilter): boolean {
  const { kind, state, agentId, errorClass, since, until } = filter;
  return (
    (kind === undefined || kind === record.kind) &&
    (state === undefined || state === record.state) &&
    (agentId === undefined || agentId === record.agentId) &&
    (errorClass === undefined || errorClass === record.errorClass) &&
    (since === undefined || record.createdAt >= since) &&
    (until === undefined || record.createdAt < until)
  );
}
