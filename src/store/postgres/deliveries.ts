import { toAttempt, toRecord } from '../delivery-rows.ts';
import type { DeliveryStore, RetryOutcome } from '../delivery-store.ts';
import { sql, type Database, type Transaction } from './database.ts';
import { ATTEMPTS, RECORD } from './delivery-columns.ts';
import { createDeliveryList } from './delivery-list.ts';
import type { LaneDepths } from './depths.ts';
import { createFailing } from './failing.ts';
import type { Tell } from './hints.ts';
import { enterLanes, LOWER_LANES } from './lanes.ts';
import { ENDED, reschedule } from './reschedule.ts';

const select = sql('deliveries_get', `SELECT ${RECORD} WHERE d.id = $1`);
const attempts = sql('deliveries_attempts', ATTEMPTS);
const aside = sql(
  'deliveries_aside',
  `SELECT length(p.body) AS bytes, p.traceparent, (
    SELECT h.id FROM schedule s JOIN schedule o ON o.lane = s.lane AND o.ordered JOIN deliveries h ON h.seq = o.seq
    WHERE s.seq = d.seq AND s.ordered ORDER BY o.seq LIMIT 1) AS head
  FROM deliveries d JOIN payloads p ON p.seq = d.seq WHERE d.id = $1`,
);

// What stands before it in an ordered lane is due as well: it is sent after that.
const sooner = sql(
  'deliveries_sooner',
  `WITH wanted_one AS MATERIALIZED (SELECT seq FROM deliveries WHERE id = $1),
  pulled AS (
    UPDATE schedule s SET due_at = least(s.due_at, $2::bigint) FROM wanted_one w
    WHERE s.seq IN (w.seq, (SELECT h.seq FROM schedule o JOIN schedule h ON h.lane = o.lane AND h.ordered
        WHERE o.seq = w.seq AND o.ordered ORDER BY h.seq LIMIT 1))
      AND (s.lease_owner IS NULL OR s.due_at <= $2::bigint)
    RETURNING s.seq, s.lane),
  anew AS (
    UPDATE deliveries d SET unburnt_count = d.attempt_count
    FROM pulled p, wanted_one w WHERE d.seq = p.seq AND d.seq = w.seq),
  wanted AS MATERIALIZED (SELECT DISTINCT lane, $2::bigint AS due_at FROM pulled),
  ${LOWER_LANES}
  SELECT 1 FROM pulled p JOIN wanted_one w ON w.seq = p.seq`,
);

const lockEnded = sql(
  'deliveries_lock_ended',
  `SELECT ${ENDED} FROM deliveries d JOIN payloads p ON p.seq = d.seq WHERE d.id = $1 FOR NO KEY UPDATE OF d`,
);

const cancel = sql(
  'deliveries_cancel',
  `WITH taken AS (
    DELETE FROM schedule s USING deliveries d
    WHERE d.id = $1 AND s.seq = d.seq AND s.ordered AND (s.lease_owner IS NULL OR s.due_at <= $2::bigint)
    RETURNING s.seq, s.lane, s.epoch),
  ended AS (
    UPDATE deliveries d SET state = 'cancelled', finished_at = $2::bigint, cancelled_epoch = t.epoch
    FROM taken t WHERE d.seq = t.seq)
  SELECT lane FROM taken`,
);

const stateOf = sql('deliveries_state', 'SELECT state, kind FROM deliveries WHERE id = $1');

const pull = sql(
  'deliveries_pull',
  `WITH waiting AS MATERIALIZED (
    SELECT seq FROM schedule
    WHERE lane = $1 AND NOT ordered AND due_at > $2::bigint AND lease_owner IS NULL
    ORDER BY due_at LIMIT $3 FOR UPDATE SKIP LOCKED),
  pulled AS (
    UPDATE schedule s SET due_at = $2::bigint FROM waiting w WHERE s.seq = w.seq RETURNING s.lane),
  wanted AS MATERIALIZED (SELECT DISTINCT lane, $2::bigint AS due_at FROM pulled),
  ${LOWER_LANES}
  SELECT count(*) AS pulled FROM pulled`,
);

interface Deps {
  readonly db: Database;
  readonly depths: LaneDepths;
  readonly tell: Tell;
}

export function createDeliveryStore({ db, depths, tell }: Deps): DeliveryStore {
  async function retryEnded(
    tx: Transaction,
    id: string,
    now: number,
    force: boolean,
  ): Promise<{ readonly outcome: RetryOutcome; readonly lane?: string }> {
    const [row] = await tx.query(lockEnded, [id]);
    if (row === undefined) return { outcome: 'not_found' };
    // A worker has it, or somebody else scheduled it a moment ago.
    if (row['state'] === 'scheduled') return { outcome: 'under_way' };
    if (row['state'] === 'delivered' && !force) return { outcome: 'delivered' };
    const [outcome = 'not_found'] = await reschedule(tx, [row], now);
    if (outcome !== 'scheduled') return { outcome };
    await tx.commit();
    return { outcome, lane: row['lane'] as string };
  }

  return {
    list: createDeliveryList(db),
    failing: createFailing(db),

    get: async (id) => {
      // Attempts after the record: one more than it counts is possible, one that is missing is not.
      const [row] = await db.read(select, [id]);
      if (row === undefined) return undefined;
      const [beside, rows] = await Promise.all([db.read(aside, [id]), db.read(attempts, [id])]);
      const head = (beside[0]?.['head'] as string | null | undefined) ?? id;
      return {
        record: toRecord(row),
        attempts: rows.map(toAttempt),
        bytes: (beside[0]?.['bytes'] as number | undefined) ?? 0,
        traceparent: (beside[0]?.['traceparent'] as string | null | undefined) ?? null,
        behind: head === id ? null : head,
      };
    },

    retry: async (id, { now, force }) => {
      const pulled = await db.write(sooner, [id, now]);
      if (pulled.length > 0) {
        tell('due', '');
        return 'scheduled';
      }
      const { outcome, lane } = await db.transaction((tx) => retryEnded(tx, id, now, force));
      if (lane !== undefined) {
        depths.add(lane, 1);
        tell('due', '');
      }
      return outcome;
    },

    cancel: async (id, at) => {
      const cancelled = await db.transaction(async (tx) => {
        const [taken] = await tx.query(cancel, [id, at]);
        if (taken === undefined) return false;
        const lane = taken['lane'] as string;
        depths.add(lane, -1);
        // The next of its lane is due.
        await tx.commit(...enterLanes(tx, [{ lane, dueAt: at }]));
        return true;
      });
      if (cancelled) {
        tell('due', '');
        return 'cancelled';
      }
      const [known] = await db.read(stateOf, [id]);
      if (known === undefined || known['kind'] === 'task') return 'not_found';
      if (known['state'] === 'cancelled') return 'cancelled';
      return known['state'] === 'scheduled' ? 'busy' : 'finished';
    },

    pullForward: async (lane, now, limit) => {
      const [row] = await db.write(pull, [lane, now, limit]);
      const pulled = row?.['pulled'] as number;
      if (pulled > 0) tell('due', '');
      return pulled;
    },
  };
}
