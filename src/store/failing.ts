import type { DeliveryKind, DeliveryState, ErrorClass } from '../outbox/delivery.ts';
import type { Count } from './backlog.ts';

/** Deliveries of a kind that failed alike and were not delivered since. */
export interface Failing {
  readonly kind: DeliveryKind;
  /** `scheduled`: another attempt follows. */
  readonly state: Extract<DeliveryState, 'scheduled' | 'dead'>;
  readonly errorClass: string;
  readonly lastError: string | null;
  /** Of each class so many are looked at, the last accepted first: beyond them there is `more`. */
  readonly count: Count;
  /** When the oldest of those that were counted was accepted. */
  readonly oldestAt: number;
}

/** Every class that a delivery may have: of attempts, and of what waits or ended without one. */
export const ERROR_CLASSES = [
  'http_status',
  'timeout',
  'connection_refused',
  'connection_reset',
  'dns',
  'tls',
  'blocked_address',
  'interrupted',
  'network',
  'agent_deregistered',
  'agent_expired',
  'not_configured',
] as const satisfies readonly (
  ErrorClass | 'agent_deregistered' | 'agent_expired' | 'not_configured'
)[];

/** A group of rows, as a store counted them. */
export interface FailingRow {
  readonly kind: DeliveryKind;
  readonly state: DeliveryState;
  readonly error_class: string;
  readonly last_error: string | null;
  readonly counted: number;
  readonly oldest: number;
  /** Rows of its class that were looked at. */
  readonly looked: number;
}

/** The most first. What was cancelled fails no more. */
export function failingOf(rows: readonly FailingRow[], limit: number): readonly Failing[] {
  return rows
    .flatMap(({ kind, state, error_class, last_error, counted, oldest, looked }) => {
      if (state !== 'scheduled' && state !== 'dead') return [];
      const count = { count: counted, more: looked >= limit };
      return [
        { kind, state, errorClass: error_class, lastError: last_error, count, oldestAt: oldest },
      ];
    })
    .sort((a, b) => b.count.count - a.count.count);
}
