import type { FastifyBaseLogger } from 'fastify';
import { ChurningMap } from '../churning.ts';
import type { Clock } from '../clock.ts';
import {
  StoreUnavailableError,
  type Completion,
  type Lease,
  type Store,
  type StoredTask,
} from '../store/store.ts';
import {
  isOrdered,
  traceIdOf,
  type DeliveryKind,
  type LeasedDelivery,
  type NewDelivery,
} from './delivery.ts';
import { Dropped } from './dropped.ts';
import { LaneLoads, Slots, type LaneLoad } from './lane-load.ts';
import type { OutboxObserver } from './observer.ts';
import { errorWord, judge, toAttempt, type Verdict } from './outcome.ts';
import type { Prepare, Prepared, SendResult } from './sending.ts';
import { StoreOutage } from './store-outage.ts';

export interface WorkerOptions {
  /** Names this worker in leases; unique per process start. */
  readonly owner: string;
  /** Attempts in flight to one agent, and in total. */
  readonly agentConcurrency: number;
  readonly maxConcurrency: number;
  /** The longest attempt, in milliseconds; a lease lasts LEASE_MARGIN_MS longer. */
  readonly attemptTimeout: number;
}

export interface WorkerDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: FastifyBaseLogger;
  readonly random: () => number;
  readonly prepare: Prepare;
  /** The report of a task that ends undelivered; undefined = reports are not configured. */
  reportOf(task: StoredTask): NewDelivery | undefined;
  /** Told of each dispatch; says whether it counts against the retry schedule. */
  noteDispatch(agentId: string, result: SendResult, probe: boolean): { readonly counts: boolean };
  /** Between two probes of a held lane, in milliseconds. */
  readonly probeInterval: number;
  readonly observer?: OutboxObserver;
  /** Cuts off the attempts in flight. */
  interrupt(): void;
}

/** A lease outlasts the longest attempt by this much, for what comes before and after the attempt. */
export const LEASE_MARGIN_MS = 10_000;

/** An attempt only starts if its lease outlasts it by this much. */
const RECORD_MARGIN_MS = 1_000;

/** Held in memory at most, however long the backlog: deliveries, and bytes of their bodies. */
const MAX_HELD = 4_096;
const MAX_HELD_BYTES = 64 * 1_048_576;

const CLAIM_LIMIT = 256;

/** Webhooks and state reports in flight, of all agents together; one Ops-Core takes them. */
const OPSCORE_CONCURRENCY = 128;

/**
 * The longest sleep between two looks at the store; what comes due earlier wakes the worker by its time. What another
 * replica stores is found by it where hints do not arrive, and has to start within a second.
 */
const POLL_MS = 750;

/** After tasks were stored in lanes that are held: many at once are worth one look. */
const HELD_LOOK_MS = 50;

/** A delivery whose target is not configured is looked at again after this. */
const SNOOZE_MS = 60_000;

/**
 * After an attempt that does not count. The hold of the lane says when the next one may start, and ends as soon as the
 * agent is back; this keeps the task from standing in front again, and a lane without a hold from spinning.
 */
const UNBURNT_DELAY_MS = 1_000;

/** After the store refused a result: soon, since it may have been a connection; then less and less often. */
const STORE_RETRY_MS = 25;
const LONGEST_STORE_RETRY_MS = 500;

/** A delivery in the hands of this worker. */
interface Held {
  readonly delivery: LeasedDelivery;
  sent: boolean;
  dropped: boolean;
}

/**
 * Takes due deliveries under a lease, sends them, records each attempt. One worker per process.
 * What was just stored is handed to it straight from memory (`reserve`, then `accept`).
 */
export class Worker {
  readonly #deps: WorkerDeps;
  readonly #options: WorkerOptions;
  readonly #loads: LaneLoads;
  readonly #held = new ChurningMap<string, Held>();
  /** Attempts that are under way or on their way to the record, and who waits for the last of them. */
  #running = 0;
  #lastEnd: PromiseWithResolvers<void> | undefined;
  readonly #dropped = new Dropped();
  /** Apart, so that agents that hang keep nothing from Ops-Core, nor the other way round. */
  readonly #agentSlots: Slots;
  readonly #opscoreSlots = new Slots(OPSCORE_CONCURRENCY);
  #reserved = 0;
  #heldBytes = 0;
  readonly #outage: StoreOutage;
  #stopped = true;
  #claiming: Promise<void> | undefined;
  #claimAgain = false;
  #timer: NodeJS.Timeout | undefined;
  #wakeAt = 0;
  /** The last claim left due deliveries behind for want of room. */
  #moreDue = false;

  constructor(deps: WorkerDeps, options: WorkerOptions) {
    this.#deps = deps;
    this.#options = options;
    // The cap per agent is shared out among the replicas; one attempt each there is always.
    this.#loads = new LaneLoads(() =>
      Math.max(1, Math.floor(options.agentConcurrency / deps.store.replica.count())),
    );
    this.#agentSlots = new Slots(options.maxConcurrency);
    this.#outage = new StoreOutage(deps.clock, deps.log, () => {
      for (const load of this.#loads) this.#pump(load);
      this.wake();
    });
  }

  start(): void {
    this.#stopped = false;
    this.wake();
  }

  /** Something that may be due was stored. */
  wake(): void {
    if (this.#stopped) return;
    if (this.#claiming !== undefined) {
      this.#claimAgain = true;
      return;
    }
    clearTimeout(this.#timer);
    this.#claiming = this.#claim().finally(() => {
      this.#claiming = undefined;
      if (this.#claimAgain) {
        this.#claimAgain = false;
        this.wake();
      }
    });
  }

  /**
   * Room for a delivery that is about to be stored: a lease to store it with, to be followed by `accept` or `unreserve`.
   * undefined = it goes to disk only, and is claimed in its turn.
   */
  reserve(lane: string): Lease | undefined {
    if (this.#stopped || this.#room() <= 0) return undefined;
    const load = this.#loads.of(lane);
    if (load.backlog || this.#loads.capacity(lane) <= 0) return undefined;
    load.reserved += 1;
    this.#reserved += 1;
    return this.#lease();
  }

  unreserve(lane: string): void {
    const load = this.#loads.of(lane);
    load.reserved -= 1;
    this.#reserved -= 1;
    this.#loads.tidy(load);
  }

  /** Takes what was stored with a lease of `reserve`. */
  accept(delivery: LeasedDelivery): void {
    const load = this.#loads.of(delivery.lane);
    load.reserved -= 1;
    this.#reserved -= 1;
    this.#hold(load, delivery);
    this.#pump(load);
    this.#loads.tidy(load);
  }

  /** A task was stored without a lease, for want of room. What is held of its lane comes first, and then calls for it. */
  noteBacklog(lane: string): void {
    const load = this.#loads.of(lane);
    load.backlog = true;
    if (this.#loads.wantsMore(load) && this.#loads.capacity(lane) > 0) this.wake();
  }

  /**
   * A task was stored, and the lease was refused: its lane is held. The end of a hold wakes the worker; it looks soon all
   * the same, since that may have come between the look at the agent and the commit.
   */
  noteHeld(): void {
    const soon = this.#deps.clock.now() + HELD_LOOK_MS;
    if (soon < this.#wakeAt) this.#sleepUntil(soon);
  }

  /**
   * Forgets a cancelled delivery: no attempt of it starts after this returns, although the answer to a claim that took
   * it before may still be on its way.
   */
  drop(id: string): void {
    const held = this.#held.get(id);
    if (held === undefined) {
      // Its insert or its claim may be committed and on the way here.
      if (this.#reserved > 0 || this.#claiming !== undefined) {
        this.#dropped.note(id, this.#deps.clock.now());
      }
      return;
    }
    if (held.sent) return;
    held.dropped = true;
    const load = this.#loads.peek(held.delivery.lane);
    const index = load?.queue.indexOf(held.delivery) ?? -1;
    if (load === undefined || index < 0) return;
    load.queue.splice(index, 1);
    this.#letGo(held.delivery);
    this.#loads.tidy(load);
  }

  /** It was scheduled again: that it was dropped is of the past. */
  readmit(id: string): void {
    this.#dropped.take(id);
  }

  /** Gives back what is held of a lane and not in flight yet: its agent went offline, or its breaker opened. */
  async releaseLane(lane: string): Promise<void> {
    const load = this.#loads.peek(lane);
    if (load === undefined) return;
    await this.#release(load.queue.splice(0));
    this.#loads.tidy(load);
  }

  get owner(): string {
    return this.#options.owner;
  }

  /** Attempts that are under way, or on their way to the record. */
  inFlight(): Record<DeliveryKind, number> {
    const counts = { task: 0, webhook: 0, state_report: 0 };
    for (const { delivery, sent } of this.#held.values()) if (sent) counts[delivery.kind] += 1;
    return counts;
  }

  /** Whether an attempt of it has begun; what is merely held can still be cancelled. */
  isSent(id: string): boolean {
    return this.#held.get(id)?.sent === true;
  }

  /**
   * Stops claiming, gives back what has not started, waits for the attempts in flight, and cuts off those that
   * are still running after `graceMs`. Everything is recorded when this resolves.
   */
  async stop(graceMs: number): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#claiming;
    const queued = [...this.#loads].flatMap((load) => load.queue.splice(0));
    await this.#release(queued).catch((error: unknown) => {
      this.#deps.log.error(
        { err: error },
        'leases could not be given back; they expire by themselves',
      );
    });
    const cutOff = setTimeout(() => this.#deps.interrupt(), graceMs);
    if (this.#running > 0) await (this.#lastEnd ??= Promise.withResolvers()).promise;
    clearTimeout(cutOff);
  }

  #lease(): Lease {
    const { owner, attemptTimeout } = this.#options;
    const until = this.#deps.clock.now() + attemptTimeout + LEASE_MARGIN_MS;
    return { owner, until, startBy: until - attemptTimeout - RECORD_MARGIN_MS };
  }

  /** Whether its lease outlasts an attempt that starts now. */
  #mayStart({ leaseUntil }: LeasedDelivery): boolean {
    return leaseUntil >= this.#deps.clock.now() + this.#options.attemptTimeout + RECORD_MARGIN_MS;
  }

  #room(): number {
    if (this.#heldBytes >= MAX_HELD_BYTES) return 0;
    return MAX_HELD - this.#held.size - this.#reserved;
  }

  #hold(load: LaneLoad, delivery: LeasedDelivery): void {
    if (this.#dropped.take(delivery.id)) return;
    // Its lease ended in our hands, or its last attempt's record has not been answered yet.
    const earlier = this.#held.get(delivery.id);
    if (earlier !== undefined) this.#letGo(earlier.delivery);
    this.#held.set(delivery.id, { delivery, sent: false, dropped: false });
    this.#heldBytes += delivery.body.byteLength;
    load.queue.push(delivery);
  }

  /** Of this lease: the same delivery may be in our hands again under a later one. */
  #letGo(delivery: LeasedDelivery): void {
    if (this.#held.get(delivery.id)?.delivery !== delivery) return;
    this.#held.delete(delivery.id);
    this.#heldBytes -= delivery.body.byteLength;
  }

  async #claim(): Promise<void> {
    const { store, clock, log } = this.#deps;
    this.#dropped.forgetOld(clock.now());
    const limit = Math.min(this.#room(), CLAIM_LIMIT);
    // With results that the store would not take, a claim could take the very deliveries that they belong to.
    if (limit <= 0 || this.#outage.unrecorded > 0) {
      this.#sleepUntil(clock.now() + POLL_MS);
      return;
    }
    const hadRoom = [...this.#loads].filter(
      (load) => load.backlog && this.#loads.capacity(load.lane) > 0,
    );
    try {
      const now = clock.now();
      const claimed = await store.outbox.claim({
        lease: this.#lease(),
        probeIntervalMs: this.#deps.probeInterval,
        now,
        limit,
        maxBytes: MAX_HELD_BYTES - this.#heldBytes,
        capacityOf: (lane) => this.#loads.capacity(lane),
      });
      this.#outage.took();
      if (!claimed.more) for (const load of hadRoom) load.backlog = false;
      for (const lane of claimed.lanesWithMore) this.#loads.of(lane).backlog = true;
      const loads = new Set<LaneLoad>(hadRoom);
      for (const delivery of claimed.deliveries) {
        const load = this.#loads.of(delivery.lane);
        this.#hold(load, delivery);
        loads.add(load);
      }
      for (const load of loads) {
        this.#pump(load);
        this.#loads.tidy(load);
      }
      this.#moreDue = claimed.more;
      if (claimed.more) this.#claimAgain = true;
      this.#sleepUntil(claimed.nextDueAt ?? Number.POSITIVE_INFINITY);
    } catch (error) {
      if (error instanceof StoreUnavailableError) this.#outage.refused(error);
      else log.error({ err: error }, 'claiming deliveries failed; trying again');
      this.#sleepUntil(clock.now() + POLL_MS);
    }
  }

  #sleepUntil(dueAt: number): void {
    if (this.#stopped) return;
    clearTimeout(this.#timer);
    const now = this.#deps.clock.now();
    this.#wakeAt = Math.min(dueAt, now + POLL_MS);
    // A turn of the event loop later: when the process was stopped past its leases, what has been answered meanwhile is
    // recorded before a claim takes it again.
    const wake = () => setImmediate(() => this.wake());
    this.#timer = setTimeout(wake, Math.max(1, this.#wakeAt - now));
  }

  /** Starts what a lane may have in flight. */
  #pump(load: LaneLoad): void {
    if (this.#stopped || this.#outage.keepsBack()) return;
    const total = this.#totalOf(load);
    const expired: LeasedDelivery[] = [];
    while (this.#loads.isFree(load) && load.queue.length > 0) {
      if (total.full) {
        total.waiting.add(load);
        break;
      }
      const delivery = load.queue.shift();
      if (delivery === undefined) break;
      if (!this.#mayStart(delivery)) {
        expired.push(delivery);
        continue;
      }
      load.attempts += 1;
      total.used += 1;
      this.#running += 1;
      void this.#run(load, delivery).finally(this.#ended);
    }
    if (expired.length > 0) {
      load.backlog = true;
      this.#release(expired).then(
        () => this.wake(),
        (error: unknown) => this.#deps.log.error({ err: error }, 'leases could not be given back'),
      );
    }
    if (load.backlog && this.#loads.wantsMore(load)) this.wake();
  }

  #totalOf({ lane }: LaneLoad): Slots {
    return isOrdered(lane) ? this.#opscoreSlots : this.#agentSlots;
  }

  #freeSlot(load: LaneLoad): void {
    load.attempts -= 1;
    const total = this.#totalOf(load);
    total.used -= 1;
    this.#pump(load);
    for (const waiting of total.waiting) {
      if (total.full) break;
      total.waiting.delete(waiting);
      this.#pump(waiting);
    }
    this.#loads.tidy(load);
  }

  readonly #ended = (): void => {
    this.#running -= 1;
    if (this.#running > 0) return;
    this.#lastEnd?.resolve();
    this.#lastEnd = undefined;
  };

  async #run(load: LaneLoad, delivery: LeasedDelivery): Promise<void> {
    let completion: Completion | undefined;
    let kept = false;
    try {
      completion = await this.#attempt(delivery);
    } catch (error) {
      if (error instanceof StoreUnavailableError) {
        this.#outage.refused(error);
        kept = this.#keep(load, delivery);
      } else {
        // A bug: nothing is lost, the lease runs out and the delivery is tried again.
        this.#deps.log.error({ err: error, delivery_id: delivery.id }, 'an attempt failed inside');
      }
    }
    // The slot is free once the answer is there; recording shares the next commit with others. It goes first, so that
    // a claim in that commit does not take the delivery again because its lease ended meanwhile.
    const recording = completion === undefined ? undefined : this.#record(delivery, completion);
    if (recording !== undefined) load.recording += 1;
    this.#freeSlot(load);
    if (kept) return;
    if (recording !== undefined) {
      await recording;
      load.recording -= 1;
      this.#pump(load);
      this.#loads.tidy(load);
    }
    this.#letGo(delivery);
    const unblocked = this.#loads.slots(load.lane) === 1 || completion?.followUp !== undefined;
    if (unblocked || this.#moreDue) this.wake();
    else if (completion?.state === 'scheduled' && completion.dueAt < this.#wakeAt) {
      this.#sleepUntil(completion.dueAt);
    }
  }

  /** Puts back what the store gave no address for, so that it need not wait for the end of its lease. */
  #keep(load: LaneLoad, delivery: LeasedDelivery): boolean {
    const held = this.#held.get(delivery.id);
    if (this.#stopped || held?.delivery !== delivery || held.sent || held.dropped) return false;
    load.queue.unshift(delivery);
    return true;
  }

  async #attempt(delivery: LeasedDelivery): Promise<Completion | undefined> {
    const { clock, random } = this.#deps;
    const prepared = await this.#deps.prepare(delivery);
    const held = this.#held.get(delivery.id);
    if (held?.delivery !== delivery || held.dropped) return undefined;
    if (!this.#mayStart(delivery)) {
      // Preparing took long: the store was slow to tell the agent's address.
      await this.#release([delivery]);
      return undefined;
    }
    held.sent = true;
    if (prepared.outcome !== 'send') return this.#unsent(delivery, prepared.outcome);

    const result = await prepared.sender.send(prepared.request);
    const number = delivery.attemptCount + 1;
    const probing =
      delivery.kind === 'task' &&
      !this.#deps.noteDispatch(delivery.agentId, result, delivery.probe).counts;
    const verdict: Verdict = !probing
      ? judge(
          result,
          number - delivery.unburntCount,
          prepared.schedule,
          random,
          prepared.retriedStatuses,
        )
      : { state: 'scheduled', delayMs: UNBURNT_DELAY_MS };
    const attempt = toAttempt(prepared.request, result, number, verdict);
    const lastError = errorWord(attempt);
    this.#log(delivery, attempt.outcome, { ...attempt, error: attempt.errorClass });
    this.#deps.observer?.attempted(delivery, attempt);
    prepared.span?.end?.(attempt);

    const { seq, epoch, lane } = delivery;
    const now = clock.now();
    if (verdict.state === 'scheduled') {
      return {
        seq,
        epoch,
        lane,
        attempt,
        lastError,
        // Neither an agent that is known to be away nor our own shutdown uses up the schedule.
        unburnt: probing || result.errorClass === 'interrupted',
        state: 'scheduled',
        dueAt: now + verdict.delayMs,
      };
    }
    const report =
      verdict.state === 'dead' ? this.#report(delivery, attempt.number, lastError) : undefined;
    return {
      seq,
      epoch,
      lane,
      attempt,
      lastError,
      state: verdict.state,
      finishedAt: now,
      ...(report === undefined ? {} : { followUp: report }),
    };
  }

  #unsent(delivery: LeasedDelivery, outcome: Exclude<Prepared['outcome'], 'send'>): Completion {
    const { seq, epoch, lane, attemptCount } = delivery;
    const now = this.#deps.clock.now();
    const base = { seq, epoch, lane, lastError: outcome };
    if (outcome === 'not_configured')
      return { ...base, state: 'scheduled', dueAt: now + SNOOZE_MS };
    const report = this.#report(delivery, attemptCount, outcome);
    return {
      ...base,
      state: 'cancelled',
      finishedAt: now,
      ...(report === undefined ? {} : { followUp: report }),
    };
  }

  /** Only a task's end is reported: Ops-Core waits for it. */
  #report(
    { kind, id, agentId, body, traceparent }: LeasedDelivery,
    attemptCount: number,
    lastError: string | null,
  ): NewDelivery | undefined {
    if (kind !== 'task') return undefined;
    const report = this.#deps.reportOf({ id, agentId, attemptCount, lastError, body });
    // It belongs to the trace of its task.
    return report === undefined ? undefined : { ...report, traceparent };
  }

  /** Keeps at it: the attempt did happen, and forgetting it would send the delivery again. */
  async #record(delivery: LeasedDelivery, completion: Completion): Promise<void> {
    const recording = this.#outage.begin();
    for (let retryMs = STORE_RETRY_MS; ; retryMs = Math.min(2 * retryMs, LONGEST_STORE_RETRY_MS)) {
      try {
        const recorded = await this.#deps.store.outbox.complete(completion);
        this.#outage.took();
        if (recorded === 'done' && completion.state !== 'scheduled') {
          const { kind, createdAt } = delivery;
          this.#deps.observer?.ended(kind, completion.state, completion.finishedAt - createdAt);
        }
        break;
      } catch (error) {
        if (!(error instanceof StoreUnavailableError) && !recording.refused) {
          const { seq } = completion;
          this.#deps.log.error({ err: error, seq }, 'an attempt could not be recorded');
        }
        this.#outage.refused(error, recording);
        if (this.#stopped) break;
        await new Promise((resolve) => setTimeout(resolve, retryMs));
      }
    }
    this.#outage.end(recording);
  }

  async #release(deliveries: readonly LeasedDelivery[]): Promise<void> {
    for (const delivery of deliveries) this.#letGo(delivery);
    if (deliveries.length === 0) return;
    await this.#deps.store.outbox.release(deliveries, this.#deps.clock.now());
  }

  /** One line per attempt. */
  #log(
    delivery: LeasedDelivery,
    outcome: string,
    attempt: {
      number: number;
      durationMs: number;
      statusCode: number | null;
      error: string | null;
    },
  ): void {
    const level = outcome === 'delivered' ? 'info' : 'warn';
    this.#deps.log[level](
      {
        kind: delivery.kind,
        trace_id: traceIdOf(delivery.traceparent),
        // By the name of what it is: an id of a task is sought as that.
        task_id: delivery.kind === 'task' ? delivery.id : undefined,
        delivery_id: delivery.kind === 'task' ? undefined : delivery.id,
        agent_id: delivery.agentId,
        name: delivery.name,
        attempt: attempt.number,
        outcome,
        status_code: attempt.statusCode,
        error: attempt.error,
        duration_ms: attempt.durationMs,
      },
      'attempt',
    );
  }
}
