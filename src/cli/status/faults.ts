import type { DeliveryKind, DeliverySummary } from '../../sdk/delivery-types.ts';
import { errorOf } from '../delivery-text.ts';

/** Deliveries that do not arrive for one reason. */
export interface Fault {
  readonly kind: DeliveryKind;
  readonly state: string;
  /** `http_503`, `timeout`, ... */
  readonly error: string;
  readonly errorClass: string | null;
  readonly count: number;
  /** ISO 8601, UTC: when the one that was accepted first was. */
  readonly oldestAt: string;
  /** The last one that was accepted. */
  readonly example: string;
  readonly agents: number;
}

/** What fails, by kind, state and error; those with the most first. */
export function faultsOf(failing: readonly DeliverySummary[]): Fault[] {
  const groups = new Map<string, DeliverySummary[]>();
  for (const delivery of failing) {
    const key = JSON.stringify([delivery.kind, delivery.state, errorOf(delivery)]);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [delivery]);
    else group.push(delivery);
  }
  return [...groups.values()].map(faultOf).sort((a, b) => b.count - a.count);
}

function faultOf(group: readonly DeliverySummary[]): Fault {
  const times = group.map(({ createdAt }) => createdAt);
  const last = group.reduce((a, b) => (b.createdAt > a.createdAt ? b : a));
  return {
    kind: last.kind,
    state: last.state,
    error: errorOf(last) ?? 'unknown',
    errorClass: last.errorClass,
    count: group.length,
    oldestAt: times.reduce((a, b) => (b < a ? b : a)),
    example: last.deliveryId,
    agents: new Set(group.map(({ agentId }) => agentId)).size,
  };
}
