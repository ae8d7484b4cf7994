import type { Attempt, LeasedDelivery } from '../outbox/delivery.ts';
import { attemptTrace, contextOf, newTrace, type TraceHeaders } from './traceparent.ts';

/** A request that gives a task, as a span of its caller's trace. */
export interface RequestTrace {
  /** What the task keeps: its attempts are children of it. */
  readonly context: string;
  /** The answer is out. */
  end?(
    statusCode: number,
    ids: {
      readonly requestId: string;
      readonly agentId: string;
      readonly taskId?: string | undefined;
    },
  ): void;
}

/** One attempt, as a span of the delivery's trace. */
export interface AttemptTrace {
  /** What the receiver is sent; null = nothing. */
  readonly headers: TraceHeaders | null;
  end?(attempt: Attempt): void;
}

/** Where spans come from. Without an exporter they are ids that are passed on, and nothing else. */
export interface Tracing {
  /**
   * @param given the caller's context, where it sent one.
   * @param startedAt wall clock, epoch milliseconds.
   */
  request(
    given: TraceHeaders | undefined,
    request: { readonly taskId: string; readonly route: string; readonly startedAt: number },
  ): RequestTrace;
  /** `at`: wall clock, epoch milliseconds. */
  attempt(delivery: LeasedDelivery, url: string, at: number): AttemptTrace;
  /** Sends what is left, for as long as that takes, but no longer than `withinMs`. */
  stop(withinMs: number): Promise<void>;
}

/** No exporter: the caller's trace is kept and passed on, and each attempt has a span id of its own. */
export const passedOn: Tracing = {
  request: (given, { taskId }) => ({ context: contextOf(given ?? newTrace(taskId)) }),
  attempt: ({ traceparent }) => ({
    headers: traceparent === null ? null : attemptTrace(traceparent),
  }),
  stop: async () => undefined,
};
