import type { Attempt, DeliveryKind, LeasedDelivery } from './delivery.ts';

/** Told of what becomes of deliveries, on the way of each attempt: so it takes next to no time, and never fails. */
export interface OutboxObserver {
  attempted(delivery: LeasedDelivery, attempt: Attempt): void;
  /** Its end is on disk; `afterMs`: since it was accepted. */
  ended(kind: DeliveryKind, outcome: 'delivered' | 'dead' | 'cancelled', afterMs: number): void;
}
