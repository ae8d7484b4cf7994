import type { DeliveryKind } from '../outbox/delivery.ts';
import type { AgentStatus } from './store.ts';

/** Up to here whoever looks has each thing counted: what a look costs, however much there is. */
export const COUNT_LIMIT = 2_000;

/** `more`: counting ended at a bound, so there are at least so many. */
export interface Count {
  readonly count: number;
  readonly more: boolean;
}

/** What there is of one kind of delivery. */
export interface KindBacklog {
  /** Scheduled: waiting for its next attempt, or in the hands of a worker. */
  readonly pending: Count;
  readonly dead: Count;
  /**
   * When the oldest that is pending was accepted, on the scheduling clock; null = none is. Where more is pending than is
   * counted, it is the oldest of those that were looked at.
   */
  readonly oldestPendingAt: number | null;
}

/** What there is, told at a cost that does not grow with it. */
export interface Backlog {
  readonly kinds: Readonly<Record<DeliveryKind, KindBacklog>>;
  readonly agents: Readonly<Record<AgentStatus, Count>>;
  /** Agents whose tasks an operator holds back, whatever their status is. */
  readonly paused: Count;
}

export const DELIVERY_KINDS = [
  'task',
  'webhook',
  'state_report',
] as const satisfies readonly DeliveryKind[];

export const AGENT_STATUSES = [
  'online',
  'unreachable',
  'offline',
  'deregistering',
] as const satisfies readonly AgentStatus[];

/** Rows of one kind, as a store counted them. */
export interface Counted {
  readonly kind: DeliveryKind;
  readonly counted: number;
  /** When the oldest of them was accepted; of no meaning for dead letters. */
  readonly oldest?: number | null;
}

/**
 * Puts together what the stores count with a bound. Webhooks and reports are counted together, and so are the dead
 * letters of all kinds: beyond the bound there is more of each of them, for all that is known.
 */
export function backlogOf(
  limit: number,
  rows: {
    readonly pending: readonly Counted[];
    readonly dead: readonly Counted[];
    readonly agents: Readonly<Record<AgentStatus, number>>;
    readonly paused: number;
  },
): Backlog {
  const task = sumOf(rows.pending.filter(({ kind }) => kind === 'task')) > limit;
  const opscore = sumOf(rows.pending.filter(({ kind }) => kind !== 'task')) > limit;
  const dead = sumOf(rows.dead) > limit;
  return {
    kinds: forEach(DELIVERY_KINDS, (kind) => {
      const ofKind = ({ kind: counted }: Counted) => counted === kind;
      const pending = rows.pending.find(ofKind);
      return {
        pending: bounded(pending?.counted, limit, kind === 'task' ? task : opscore),
        dead: bounded(rows.dead.find(ofKind)?.counted, limit, dead),
        oldestPendingAt: pending?.oldest ?? null,
      };
    }),
    agents: forEach(AGENT_STATUSES, (status) => bounded(rows.agents[status], limit)),
    paused: bounded(rows.paused, limit),
  };
}

function bounded(counted = 0, limit: number, more = counted > limit): Count {
  return { count: Math.min(counted, limit), more };
}

function sumOf(rows: readonly Counted[]): number {
  return rows.reduce((sum, { counted }) => sum + counted, 0);
}

function forEach<K extends string, T>(keys: readonly K[], value: (key: K) => T): Record<K, T> {
  return Object.fromEntries(keys.map((key) => [key, value(key)])) as Record<K, T>;
}
