import type { DatabaseSync } from 'node:sqlite';
import { isOrdered } from '../../outbox/delivery.ts';
import type { RetryOutcome } from '../delivery-store.ts';
import type { AgentCache } from './agent-cache.ts';
import type { DepthChanges } from './depths.ts';
import type { Failures } from './failures.ts';
import type { Lanes } from './lanes.ts';

type Row = Record<string, unknown>;

interface Deps {
  readonly db: DatabaseSync;
  readonly cache: AgentCache;
  readonly lanes: Lanes;
  readonly depths: DepthChanges;
  readonly failures: Failures;
}

/** @param told what is known of agents in this transaction, so that it is asked once. */
export type Retry = (
  row: Row,
  now: number,
  force: boolean,
  told?: Map<string, number>,
) => Exclude<RetryOutcome, 'not_found'>;

/** Schedules deliveries again; called inside a transaction. */
export function createRetry({ db, cache, lanes, depths, failures }: Deps): Retry {
  // Attempts so far do not count against the schedule any more: it begins anew. Its next lease is not its first
  // (failures.ts), also where it was cancelled before there was one.
  const again = db.prepare(`
    UPDATE deliveries
    SET state = 'scheduled', due_at = ?, lease_owner = NULL, finished_at = NULL, unburnt_count = attempt_count,
      epoch = max(epoch, 1)
    WHERE seq = ?`);
  const sooner = db.prepare(
    'UPDATE deliveries SET due_at = min(due_at, ?), unburnt_count = attempt_count WHERE seq = ?',
  );
  const headOf = db.prepare(`
    SELECT seq, due_at, lease_owner FROM deliveries
    WHERE lane = ? AND state = 'scheduled' AND ordered = 1 ORDER BY seq LIMIT 1`);
  const headSooner = db.prepare('UPDATE deliveries SET due_at = min(due_at, ?) WHERE seq = ?');
  const lastDelivered = db.prepare(`
    SELECT seq FROM deliveries
    WHERE agent_id = ? AND kind = 'webhook' AND state = 'delivered' ORDER BY seq DESC LIMIT 1`);

  function retryScheduled(row: Row, now: number): 'scheduled' | 'under_way' {
    if (row['lease_owner'] !== null && (row['due_at'] as number) > now) return 'under_way';
    sooner.run(now, row['seq'] as number);
    const lane = row['lane'] as string;
    const head = isOrdered(lane) ? headOf.get(lane) : undefined;
    // It is sent after what stands before it.
    if (head?.['lease_owner'] === null) headSooner.run(now, head['seq'] as number);
    lanes.lower(lane, now);
    return 'scheduled';
  }

  /** The last webhook of an agent that was delivered; 0 = none. What failed since is looked through, so once a step. */
  function lastTold(agentId: string, told: Map<string, number>): number {
    let last = told.get(agentId);
    if (last === undefined) {
      last = (lastDelivered.get(agentId)?.['seq'] as number | undefined) ?? 0;
      told.set(agentId, last);
    }
    return last;
  }

  function hindrance(
    row: Row,
    told: Map<string, number>,
  ): 'agent_gone' | 'superseded' | 'busy' | undefined {
    const agentId = row['agent_id'] as string;
    const seq = row['seq'] as number;
    if (row['kind'] === 'task') {
      const agent = cache.get(agentId);
      return agent === undefined || agent.status === 'deregistering' ? 'agent_gone' : undefined;
    }
    if (row['kind'] === 'webhook' && lastTold(agentId, told) > seq) return 'superseded';
    const head = headOf.get(row['lane'] as string);
    const later = head !== undefined && (head['seq'] as number) > seq;
    return later && head['lease_owner'] !== null ? 'busy' : undefined;
  }

  return (row, now, force, told = new Map()) => {
    if (row['state'] === 'scheduled') return retryScheduled(row, now);
    if (row['state'] === 'delivered' && !force) return 'delivered';
    const hindered = hindrance(row, told);
    if (hindered !== undefined) return hindered;
    const lane = row['lane'] as string;
    again.run(now, row['seq'] as number);
    failures.again(row['seq'] as number);
    lanes.lower(lane, now);
    depths.add(lane, 1);
    return 'scheduled';
  };
}
