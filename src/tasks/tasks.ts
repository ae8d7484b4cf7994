import { createHash } from 'node:crypto';
import type { Principal } from '../auth/principal.ts';
import type { Clock } from '../clock.ts';
import { ApiError, invalid } from '../errors.ts';
import { laneOf, type DeliveryState, type NewDelivery } from '../outbox/delivery.ts';
import type { Worker } from '../outbox/worker.ts';
import type { InsertTaskResult, Store } from '../store/store.ts';
import { nameOf, validateRunBody } from './task-body.ts';

export interface RunRequest {
  /** A new id for the task. */
  readonly taskId: string;
  readonly agentId: string;
  /** The bytes as they came: they are what the agent gets. */
  readonly bytes: Uint8Array;
  /** The same, parsed. */
  readonly body: unknown;
  readonly idempotencyKey: string | undefined;
  /** W3C trace context that the task keeps. */
  readonly trace: string;
}

interface Deps {
  readonly store: Store;
  readonly clock: Clock;
  /** Tasks that may wait for one agent. */
  readonly queueLimit: number;
  readonly observer?: TaskObserver;
  readonly worker: Pick<
    Worker,
    'reserve' | 'unreserve' | 'accept' | 'noteBacklog' | 'noteHeld' | 'drop'
  >;
}

/** Told of tasks that were stored, and of those that were cancelled. */
export interface TaskObserver {
  taskAccepted(): void;
  taskCancelled(): void;
}

/** By then a full queue may have moved; long enough not to be hammered. */
const QUEUE_FULL_RETRY_SECONDS = 5;

export type Tasks = ReturnType<typeof createTasks>;

/** The tasks that Ops-Core gives to agents. No HTTP, no SQL. */
export function createTasks({ store, clock, queueLimit, worker, observer }: Deps) {
  /**
   * Takes a task: resolves once it is on disk (contract section 4), and the worker has it.
   * @returns the taskId; an earlier one when the Idempotency-Key was used with the same body before.
   * @throws ApiError validation_failed, agent_not_found, idempotency_conflict.
   */
  async function run(request: RunRequest): Promise<string> {
    const faults = validateRunBody(request.body);
    if (faults.length > 0) throw invalid(faults);
    const now = clock.now();
    const id = request.taskId;
    const lane = laneOf('task', request.agentId);
    const task: NewDelivery = {
      id,
      kind: 'task',
      agentId: request.agentId,
      lane,
      name: nameOf(request.body),
      createdAt: now,
      dueAt: now,
      body: request.bytes,
      traceparent: request.trace,
    };
    const idempotency =
      request.idempotencyKey === undefined
        ? undefined
        : {
            key: request.idempotencyKey,
            bodyHash: createHash('sha256').update(request.bytes).digest('hex'),
          };
    const lease = worker.reserve(lane);
    let result: InsertTaskResult;
    try {
      result = await store.tasks.insert(task, { lease, idempotency, queueLimit });
    } catch (error) {
      if (lease !== undefined) worker.unreserve(lane);
      throw error;
    }
    if (result.outcome === 'inserted') observer?.taskAccepted();
    if (result.outcome === 'inserted' && result.leased && lease !== undefined) {
      worker.accept({
        ...task,
        seq: result.seq,
        epoch: 1,
        attemptCount: 0,
        unburntCount: 0,
        probe: false,
        leaseUntil: lease.until,
      });
      return id;
    }
    if (lease !== undefined) worker.unreserve(lane);
    if (result.outcome === 'inserted') {
      if (lease === undefined) worker.noteBacklog(lane);
      else worker.noteHeld();
      return id;
    }
    if (result.outcome === 'repeated') return result.taskId;
    throw new ApiError(
      result.outcome,
      result.outcome === 'queue_full' ? { retryAfterSeconds: QUEUE_FULL_RETRY_SECONDS } : {},
    );
  }

  /** Another agent's task is not there for an agent: its existence is private. @throws ApiError task_not_found. */
  async function get(taskId: string, principal: Principal) {
    const task = await store.tasks.get(taskId);
    const hidden = principal.kind === 'agent' && task?.record.agentId !== principal.agentId;
    if (task === undefined || hidden) throw new ApiError('task_not_found');
    return task;
  }

  /** Newest first. @throws ApiError agent_not_found. */
  async function listOfAgent(
    agentId: string,
    page: { limit: number; before: string | null; state?: DeliveryState },
  ) {
    if ((await store.agents.get(agentId)) === undefined) throw new ApiError('agent_not_found');
    return store.tasks.listOfAgent(agentId, page);
  }

  /**
   * Cancels a task that has not ended. No attempt of it starts after this resolved; one that is in flight runs out,
   * and is recorded. @throws ApiError task_not_found, task_finished.
   */
  async function cancel(taskId: string, principal: Principal) {
    const outcome = await store.tasks.cancel(taskId, clock.now());
    if (outcome === 'not_found') throw new ApiError('task_not_found');
    if (outcome === 'finished') throw new ApiError('task_finished');
    worker.drop(taskId);
    observer?.taskCancelled();
    return get(taskId, principal);
  }

  return { run, get, listOfAgent, cancel };
}
