import { newSpanId } from '../ids.ts';

// W3C Trace Context: https://www.w3.org/TR/trace-context/
//
// A delivery keeps its context as one text: the traceparent, and behind a space the tracestate where there is one.

const TRACEPARENT =
  /^([0-9a-f]{2})-((?!0{32})[0-9a-f]{32})-((?!0{16})[0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const LENGTH = 55;

/** Of key=value pairs, the keys as in section 3.3.1.3.1, with what HTTP allows between them. */
const MEMBER = '[a-z0-9][a-z0-9_\\-*/@]{0,255}=[\\x20-\\x2b\\x2d-\\x3c\\x3e-\\x7e]{1,256}';
const TRACESTATE = new RegExp(`^${MEMBER}(?:[ \\t]*,[ \\t]*${MEMBER}){0,31}$`);
const LONGEST_TRACESTATE = 512;

/** As a receiver gets them. */
export interface TraceHeaders {
  readonly traceparent: string;
  readonly tracestate: string | null;
}

/** What somebody sent, if it is valid; a tracestate without a traceparent means nothing. */
export function traceHeadersOf(
  traceparent: string | undefined,
  tracestate: string | undefined,
): TraceHeaders | undefined {
  const [, version, trace, span, flags, more] = TRACEPARENT.exec(traceparent ?? '') ?? [];
  // A higher version is read as far as this one goes (section 4.3), and sent on as this one.
  if (version === undefined || version === 'ff') return undefined;
  if (version === '00' && more !== undefined) return undefined;
  const state = tracestate?.trim() ?? '';
  const isState = state.length <= LONGEST_TRACESTATE && TRACESTATE.test(state);
  return {
    traceparent: `00-${trace}-${span}-${flags}`,
    tracestate: isState ? state : null,
  };
}

/** As a delivery keeps them. */
export function contextOf({ traceparent, tracestate }: TraceHeaders): string {
  return tracestate === null ? traceparent : `${traceparent} ${tracestate}`;
}

export function traceHeadersIn(context: string): TraceHeaders {
  return {
    traceparent: context.slice(0, LENGTH),
    tracestate: context.length > LENGTH ? context.slice(LENGTH + 1) : null,
  };
}

/** A trace of its own, found by the id of the task or delivery (a UUID) that it is about. */
export function newTrace(id: string): TraceHeaders {
  return { traceparent: `00-${traceIdFor(id)}-${newSpanId()}-00`, tracestate: null };
}

export function traceIdFor(id: string): string {
  return id.replaceAll('-', '');
}

/** Each attempt is a span of its own within the trace. */
export function attemptTrace(context: string, spanId: string = newSpanId()): TraceHeaders {
  const { traceparent, tracestate } = traceHeadersIn(context);
  return {
    traceparent: `${traceparent.slice(0, 36)}${spanId}${traceparent.slice(52)}`,
    tracestate,
  };
}

/** What was sent with an attempt; null where there is no trace, or its span was not noted. */
export function withSpan(context: string | null, spanId: string | null): TraceHeaders | null {
  return context === null || spanId === null ? null : attemptTrace(context, spanId);
}
