import type { RetryOutcome } from '../delivery-store.ts';
import { bigintArray, textArray } from './arrays.ts';
import { sql, type Row, type Transaction } from './database.ts';
import { LANE } from './delivery-columns.ts';
import { enterLanes } from './lanes.ts';

// In one order: deliveries that have ended (nobody who holds another lock wants these), agents, lanes, schedule.

/** What has to be known of a delivery that ended, to judge whether it is sent again. */
export const ENDED = `d.seq, d.kind, d.agent_id, d.state, ${LANE} AS lane`;

const presentAgents = sql(
  'reschedule_agents',
  `SELECT agent_id FROM agents WHERE agent_id = ANY($1::text[]) AND status <> 'deregistering'
  ORDER BY agent_id FOR KEY SHARE`,
);

const leasedHeads = sql(
  'reschedule_heads',
  `SELECT u.lane, (
    SELECT max(s.seq) FROM schedule s
    WHERE s.lane = u.lane AND s.ordered AND s.lease_owner IS NOT NULL AND s.due_at > $2) AS seq
  FROM unnest($1::text[]) AS u (lane)`,
);

const lastDelivered = sql(
  'reschedule_delivered',
  `SELECT u.agent_id, (
    SELECT d.seq FROM deliveries d
    WHERE d.agent_id = u.agent_id AND d.kind <> 'task' AND d.kind = 'webhook' AND d.state = 'delivered'
    ORDER BY d.seq DESC LIMIT 1) AS seq
  FROM unnest($1::text[]) AS u (agent_id)`,
);

// The epoch goes on from that of the last lease. A replica of the version before noted none where it recorded the end:
// then from a moment, which no number of leases reaches.
const again = sql(
  'reschedule',
  `WITH said AS MATERIALIZED (SELECT u.seq, x.error_class
    FROM unnest($1::bigint[]) AS u (seq) LEFT JOIN undelivered x ON x.seq = u.seq),
  revived AS (
    UPDATE deliveries d SET state = 'scheduled', finished_at = NULL, unburnt_count = d.attempt_count
    FROM said u WHERE d.seq = u.seq
    RETURNING d.seq, d.kind, d.agent_id, d.cancelled_epoch, u.error_class)
  INSERT INTO schedule (seq, due_at, epoch, bytes, ordered, lane, error_class)
  SELECT d.seq, $2::bigint, coalesce(d.cancelled_epoch, $2::bigint / 1000 - 1000000000), length(p.body),
    d.kind <> 'task', ${LANE}, d.error_class
  FROM revived d JOIN payloads p ON p.seq = d.seq`,
);

export type Judged = Extract<RetryOutcome, 'scheduled' | 'superseded' | 'busy' | 'agent_gone'>;

/**
 * Judges deliveries that ended (rows of ENDED, locked, in the order of their seq), and schedules again those for which
 * nothing speaks against it. Their lanes stay locked until the commit: what is sent of them meanwhile is known.
 */
export async function reschedule(
  tx: Transaction,
  rows: readonly Row[],
  now: number,
): Promise<Judged[]> {
  const ids = (of: readonly Row[]) => textArray([...new Set(of.map(agentOf))]);
  const tasks = rows.filter((row) => row['kind'] === 'task');
  const ordered = rows.filter((row) => row['kind'] !== 'task');
  const present = tasks.length === 0 ? [] : await tx.query(presentAgents, [ids(tasks)]);
  const there = new Set(present.map(agentOf));
  const taken = rows.filter((row) => row['kind'] !== 'task' || there.has(agentOf(row)));
  const lanes = taken.map((row) => ({ lane: row['lane'] as string, dueAt: now }));
  await Promise.all(enterLanes(tx, lanes));
  // Statements of their own, after the lock: what has ended by now is seen as such.
  const busy = await bySubject(tx, leasedHeads, ordered, 'lane', now);
  const told = await bySubject(tx, lastDelivered, ordered, 'agent_id');
  const judged = rows.map((row): Judged => {
    const seq = row['seq'] as number;
    if (row['kind'] === 'task') return there.has(agentOf(row)) ? 'scheduled' : 'agent_gone';
    const superseded = (told.get(agentOf(row)) ?? 0) > seq;
    if (row['kind'] === 'webhook' && superseded) return 'superseded';
    return (busy.get(row['lane'] as string) ?? 0) > seq ? 'busy' : 'scheduled';
  });
  const revived = rows.filter((_, index) => judged[index] === 'scheduled');
  if (revived.length > 0) {
    await tx.query(again, [bigintArray(revived.map((row) => row['seq'] as number)), now]);
  }
  return judged;
}

async function bySubject(
  tx: Transaction,
  statement: typeof leasedHeads,
  rows: readonly Row[],
  subject: 'lane' | 'agent_id',
  ...more: number[]
): Promise<Map<string, number>> {
  if (rows.length === 0) return new Map();
  const subjects = [...new Set(rows.map((row) => row[subject] as string))];
  const found = await tx.query(statement, [textArray(subjects), ...more]);
  return new Map(found.map((row) => [row[subject] as string, (row['seq'] as number | null) ?? 0]));
}

function agentOf(row: Row): string {
  return row['agent_id'] as string;
}
