import { messageOf, type AgentLogger } from './logger.ts';
import type { AgentState } from './opscore.ts';
import type { Clock } from './retry.ts';
import type { NormalisedTask } from './task.ts';

/** What a handler gets. */
export interface Task extends NormalisedTask {
  readonly agentId: string;
  readonly taskId: string;
  /** Aborted when the agent stops and its grace is over. */
  readonly signal: AbortSignal;
}

/**
 * Does a task. What it returns is reported with `finished` (if it can be written as JSON), what it throws with
 * `error` (the message alone).
 */
export type TaskHandler = (task: Task) => unknown;

export interface TaskRunnerOptions {
  readonly logger: AgentLogger;
  readonly report: (state: AgentState, details: Record<string, unknown>) => void;
}

/** A report is a message about a result, no way to ship one. */
const MAX_RESULT_CHARS = 1024 * 1024;
const MAX_MESSAGE_CHARS = 1000;

interface Running {
  readonly controller: AbortController;
  readonly ended: Promise<void>;
  end(state: 'finished' | 'error', outcome: Record<string, unknown>): void;
}

/** Runs handlers and reports what becomes of them: `active`, `finished` or `error`, `idle` when none is left. */
export class TaskRunner {
  readonly #options: TaskRunnerOptions;
  readonly #running = new Set<Running>();
  #draining = false;

  constructor(options: TaskRunnerOptions) {
    this.#options = options;
  }

  get inFlight(): number {
    return this.#running.size;
  }

  start(task: Omit<Task, 'signal'>, handler: TaskHandler): void {
    const { report, logger } = this.#options;
    const details = {
      taskId: task.taskId,
      task_name: task.taskName,
      opscore_task_id: task.opscoreTaskId,
      opscore_session_id: task.opscoreSessionId,
    };
    const controller = new AbortController();
    let resolveEnded = (): void => undefined;
    const running: Running = {
      controller,
      ended: new Promise((resolve) => (resolveEnded = resolve)),
      // A handler that was given up may still come back: only its first end counts.
      end: (state, outcome) => {
        if (!this.#running.delete(running)) return;
        report(state, { ...details, ...outcome });
        if (this.#running.size === 0 && !this.#draining) report('idle', {});
        resolveEnded();
      },
    };
    this.#running.add(running);
    report('active', details);
    // Not in this turn: the 202 goes out before a handler that never yields begins.
    setImmediate(() => {
      void (async () => handler({ ...task, signal: controller.signal }))().then(
        (result) => {
          running.end('finished', resultDetails(result));
        },
        (error: unknown) => {
          const message = messageOf(error).slice(0, MAX_MESSAGE_CHARS);
          logger.error(`task ${task.taskName} (${task.taskId}) failed: ${message}`);
          running.end('error', { error_code: 'task_failed', message });
        },
      );
    });
  }

  /**
   * Waits for the handlers for `graceMs`, then aborts their signals and waits for `settleMs` more. What still runs
   * then is reported as `error`, so that Ops-Core does not wait for ever.
   */
  async drain(graceMs: number, settleMs: number, clock: Clock): Promise<void> {
    this.#draining = true;
    await this.#settled(graceMs, clock);
    for (const { controller } of this.#running) controller.abort();
    await this.#settled(settleMs, clock);
    for (const running of this.#running) {
      running.end('error', {
        error_code: 'task_aborted',
        message: 'The agent stopped before the task ended.',
      });
    }
  }

  async #settled(ms: number, clock: Clock): Promise<void> {
    if (this.#running.size === 0) return;
    const timer = new AbortController();
    const all = Promise.all([...this.#running].map((running) => running.ended));
    await Promise.race([all, clock.sleep(ms, timer.signal)]);
    timer.abort();
  }
}

function resultDetails(result: unknown): Record<string, unknown> {
  if (result === undefined) return {};
  try {
    // A snapshot: the report may wait, and the handler may go on changing its object.
    const text = JSON.stringify(result) as string | undefined;
    if (text === undefined) return { result_omitted: 'not JSON' };
    if (text.length > MAX_RESULT_CHARS) return { result_omitted: 'larger than 1 MiB' };
    return { result: JSON.parse(text) as unknown };
  } catch {
    return { result_omitted: 'not JSON' };
  }
}
