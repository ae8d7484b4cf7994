import type { DeliveryKind } from '../outbox/delivery.ts';
import type { TraceHeaders } from './traceparent.ts';

const USER_AGENT = 'agentkit-service';

/** In the place of signatures and tokens where headers are shown. */
const HIDDEN = '[redacted]';

/** The headers of one attempt. `proof`: by what the receiver knows the sender; `trace`: with the span of this attempt. */
export function headersOf(
  { kind, id }: { readonly kind: DeliveryKind; readonly id: string },
  attempt: number,
  proof: Readonly<Record<string, string>>,
  trace: TraceHeaders | null,
): Record<string, string> {
  const headers: Record<string, string> = {
    'content-type': 'application/json',
    'user-agent': USER_AGENT,
  };
  if (kind === 'task') {
    headers['x-agentkit-task-id'] = id;
    headers['x-agentkit-attempt'] = String(attempt);
  }
  Object.assign(headers, proof);
  if (kind === 'state_report') headers['x-agentkit-delivery-id'] = id;
  if (trace !== null) {
    headers['traceparent'] = trace.traceparent;
    if (trace.tracestate !== null) headers['tracestate'] = trace.tracestate;
  }
  return headers;
}

/**
 * The headers that an attempt was sent with, without its secrets. They are made from its record as they were made for the
 * attempt, so nothing has to be kept for it.
 * @param startedAt wall clock, epoch milliseconds: by it the signature is dated.
 */
export function shownHeaders(
  delivery: { readonly kind: DeliveryKind; readonly id: string },
  attempt: { readonly number: number; readonly startedAt: number },
  trace: TraceHeaders | null,
): Record<string, string> {
  const stamp = String(Math.floor(attempt.startedAt / 1000));
  const proof: Record<string, string> =
    delivery.kind === 'state_report'
      ? { authorization: `Bearer ${HIDDEN}` }
      : {
          'x-agentkit-timestamp': stamp,
          'x-agentkit-signature': HIDDEN,
          'webhook-id': delivery.id,
          'webhook-timestamp': stamp,
          'webhook-signature': HIDDEN,
        };
  return headersOf(delivery, attempt.number, proof, trace);
}
