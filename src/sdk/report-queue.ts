import { messageOf, type AgentLogger } from './logger.ts';
import { isReportRetryable, type AgentState } from './opscore.ts';

export interface QueuedReport {
  readonly state: AgentState;
  readonly details: Readonly<Record<string, unknown>>;
  /** When it became so, not when it is sent. */
  readonly timestamp: Date;
}

export interface ReportQueueOptions {
  /** Sends one report with its retries; rejects when it failed for good. */
  send(report: QueuedReport, signal: AbortSignal): Promise<unknown>;
  readonly logger: AgentLogger;
  /** How long to wait before the newest state, whose retries are used up, is told once more. */
  readonly owedDelayMs?: number;
}

/** Some hours of Ops-Core being away at one task a minute; beyond it the oldest go. */
const MAX_WAITING = 1000;

const OWED_DELAY_MS = 30_000;

/**
 * One report at a time, in the order of what happened: `idle` never overtakes `finished`. A report that fails for
 * good is logged and passed over. Only the newest state stays owed: Ops-Core gives no more tasks to an agent whose
 * last `idle` was lost.
 */
export class ReportQueue {
  readonly #options: ReportQueueOptions;
  readonly #waiting: QueuedReport[] = [];
  readonly #stop = new AbortController();
  /** Of the report that is being sent. */
  #sending = new AbortController();
  #running: Promise<void> | undefined;
  #owed: NodeJS.Timeout | undefined;
  #flushing = false;

  constructor(options: ReportQueueOptions) {
    this.#options = options;
  }

  push(report: QueuedReport): void {
    if (this.#stop.signal.aborted) return;
    clearTimeout(this.#owed);
    if (this.#waiting.length >= MAX_WAITING) {
      const dropped = this.#waiting.shift();
      this.#options.logger.error(
        `report "${dropped?.state ?? ''}" dropped: too many are waiting for Ops-Core`,
      );
    }
    this.#waiting.push(report);
    this.#run();
  }

  /** The agent has another id: what is being sent under the old one, which Ops-Core may not know, starts over. */
  restart(): void {
    this.#sending.abort();
  }

  /** Resolves when all is sent, or after `timeoutMs`, when the rest is dropped. Ends the queue. */
  async flush(timeoutMs: number): Promise<void> {
    this.#flushing = true;
    clearTimeout(this.#owed);
    const timer = setTimeout(() => {
      this.#end();
    }, timeoutMs);
    while (this.#running !== undefined) await this.#running;
    clearTimeout(timer);
    this.#end();
  }

  #end(): void {
    this.#stop.abort();
    this.#sending.abort();
  }

  #run(): void {
    this.#running ??= this.#sendAll();
  }

  async #sendAll(): Promise<void> {
    for (let report = this.#waiting.shift(); report !== undefined; report = this.#waiting.shift()) {
      if (!this.#stop.signal.aborted) this.#sending = new AbortController();
      const { signal } = this.#sending;
      try {
        await this.#options.send(report, signal);
      } catch (error) {
        if (signal.aborted && !this.#stop.signal.aborted) {
          this.#waiting.unshift(report);
          continue;
        }
        this.#options.logger.error(`report "${report.state}" failed: ${messageOf(error)}`);
        if (isReportRetryable(error)) this.#owe(report);
      }
    }
    // In the turn that found nothing waiting: a moment later, and a report pushed in between would be stranded.
    this.#running = undefined;
  }

  #owe(report: QueuedReport): void {
    if (this.#waiting.length > 0 || this.#flushing) return;
    this.#owed = setTimeout(() => {
      this.push(report);
    }, this.#options.owedDelayMs ?? OWED_DELAY_MS);
    this.#owed.unref();
  }
}
