import { isOrdered, type NewDelivery } from '../../outbox/delivery.ts';
import { bigintArray, byteaArray, textArray } from './arrays.ts';
import { sql, type Row, type Transaction } from './database.ts';
import { enterLanes } from './lanes.ts';

const insert = sql(
  'insert_ordered',
  `WITH incoming AS MATERIALIZED (
    SELECT nextval('deliveries_seq_seq') AS seq, u.*
    FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::bigint[],
      $8::bytea[], $9::text[]) AS u (id, kind, agent_id, lane, name, due_at, created_at, body, traceparent)),
  stored AS (
    INSERT INTO deliveries (seq, id, kind, agent_id, name, state, created_at)
    SELECT seq, id, kind, agent_id, name, 'scheduled', created_at FROM incoming),
  scheduled AS (
    INSERT INTO schedule (seq, due_at, epoch, bytes, ordered, lane)
    SELECT seq, due_at, 0, length(body), true, lane FROM incoming)
  INSERT INTO payloads (seq, body, traceparent, lane)
  SELECT seq, body, traceparent, nullif(lane, kind || ':' || agent_id) FROM incoming`,
);

/**
 * Stores webhooks and state reports, in their order. Their lanes are locked before they get their seq, and until the
 * commit: of two transactions with something for one lane the second numbers after the first has committed, so the
 * lowest seq that can be seen is the head of the lane, and what comes later never overtakes it.
 */
export function insertOrdered(
  tx: Transaction,
  deliveries: readonly NewDelivery[],
): Promise<Row[]>[] {
  if (deliveries.length === 0) return [];
  return [...enterLanes(tx, deliveries), insertEntered(tx, deliveries)];
}

/** The same, where the lanes have been entered already (`enterLanes`). */
export function insertEntered(tx: Transaction, deliveries: readonly NewDelivery[]): Promise<Row[]> {
  if (!deliveries.every(({ lane }) => isOrdered(lane))) {
    throw new Error('only a delivery of an ordered lane is stored beside a change');
  }
  const column = <T>(of: (delivery: NewDelivery) => T): T[] => deliveries.map(of);
  return tx.query(insert, [
    textArray(column(({ id }) => id)),
    textArray(column(({ kind }) => kind)),
    textArray(column(({ agentId }) => agentId)),
    textArray(column(({ lane }) => lane)),
    textArray(column(({ name }) => name)),
    bigintArray(column(({ dueAt }) => dueAt)),
    bigintArray(column(({ createdAt }) => createdAt)),
    byteaArray(column(({ body }) => body)),
    textArray(column(({ traceparent }) => traceparent)),
  ]);
}
