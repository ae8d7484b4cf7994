import { newSpanId } from '../ids.ts';

const TRACEPARENT = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/**
 * The trace of a task (W3C Trace Context): the caller's when it sent a valid one, otherwise a new trace
 * whose id is the task's, so that either leads to the other.
 */
export function traceparentOf(header: string | undefined, taskId: string): string {
  if (header !== undefined && TRACEPARENT.test(header)) return header;
  return `00-${taskId.replaceAll('-', '')}-${newSpanId()}-00`;
}

/** Each attempt is a span of its own within the trace. */
export function attemptTraceparent(traceparent: string): string {
  return spanOf(traceparent, newSpanId());
}

/** What was sent with an attempt; null where there is no trace, or its span was not noted. */
export function withSpan(traceparent: string | null, spanId: string | null): string | null {
  return traceparent === null || spanId === null ? null : spanOf(traceparent, spanId);
}

function spanOf(traceparent: string, spanId: string): string {
  const [version, trace, , flags] = traceparent.split('-');
  return `${version}-${trace}-${spanId}-${flags}`;
}
