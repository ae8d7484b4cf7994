import { isOrdered, type NewDelivery } from '../../outbox/delivery.ts';
import type { Completion } from '../store.ts';
import { bigintArray, intArray, textArray } from './arrays.ts';
import { Batcher, type Outcome } from './batcher.ts';
import { sql, type Database, type Row, type Value } from './database.ts';
import type { LaneDepths } from './depths.ts';
import { insertEntered } from './insert-ordered.ts';
import { enterLanes, LOWER_LANES } from './lanes.ts';

const ATTEMPT =
  'started_at, duration_ms, outcome, status_code, error_class, response_excerpt, connected_ms, answered_ms, span_id';

// Fenced by the epoch: a row of the schedule that somebody else leased, ended or gave back meanwhile does not match, and
// then nothing of the completion is written. `at` is when it ended, or when it is due again. The epoch that it ended under
// stays: one that is sent again goes on from there (reschedule.ts), so what is still said of that lease stays stale.
const RECORD = `
  said AS MATERIALIZED (
    SELECT * FROM unnest($1::bigint[], $2::integer[], $3::text[], $4::bigint[], $5::text[], $6::integer[], $7::integer[],
      $8::bigint[], $9::bigint[], $10::text[], $11::integer[], $12::text[], $13::text[], $14::bigint[], $15::bigint[],
      $16::text[])
      AS u (seq, epoch, state, at, last_error, unburnt, number, ${ATTEMPT})),
  ended AS (
    DELETE FROM schedule s USING said u
    WHERE u.state <> 'scheduled' AND s.seq = u.seq AND s.epoch = u.epoch AND s.lease_owner IS NOT NULL
    RETURNING s.lane, s.ordered, u.*),
  again AS (
    UPDATE schedule s
    SET due_at = u.at, lease_owner = NULL, start_by = NULL,
      error_class = CASE WHEN u.number IS NULL THEN u.last_error ELSE u.error_class END
    FROM said u
    WHERE u.state = 'scheduled' AND s.seq = u.seq AND s.epoch = u.epoch AND s.lease_owner IS NOT NULL
    RETURNING s.lane, s.ordered, u.*),
  held AS MATERIALIZED (SELECT * FROM ended UNION ALL SELECT * FROM again),
  recorded AS (
    UPDATE deliveries d
    SET state = h.state, attempt_count = coalesce(h.number, d.attempt_count),
      unburnt_count = d.unburnt_count + h.unburnt, last_error = h.last_error,
      finished_at = CASE WHEN h.state <> 'scheduled' THEN h.at END,
      cancelled_epoch = CASE WHEN h.state <> 'scheduled' THEN h.epoch END
    FROM held h WHERE d.seq = h.seq),
  attempted AS (
    INSERT INTO attempts (seq, number, ${ATTEMPT})
    SELECT seq, number, ${ATTEMPT} FROM held WHERE number IS NOT NULL)`;

const complete = sql('complete', `WITH ${RECORD} SELECT seq FROM held`);

/** An ordered lane's next is due as soon as its head has ended. */
const completeAndLower = sql(
  'complete_and_lower',
  `WITH ${RECORD},
  wanted AS MATERIALIZED (
    SELECT lane, min(at) AS due_at FROM held WHERE state = 'scheduled' OR ordered GROUP BY lane),
  ${LOWER_LANES}
  SELECT seq FROM held`,
);

// Cancelled while its attempt was in flight: the state stays, but the attempt did happen. Twice counts once.
const recordCancelled = sql(
  'complete_cancelled',
  `WITH said AS MATERIALIZED (
    SELECT * FROM unnest($1::bigint[], $2::integer[], $3::integer[], $4::bigint[], $5::bigint[], $6::text[],
      $7::integer[], $8::text[], $9::text[], $10::bigint[], $11::bigint[], $12::text[])
      AS u (seq, epoch, number, ${ATTEMPT})),
  counted AS (
    UPDATE deliveries d SET attempt_count = u.number FROM said u
    WHERE d.seq = u.seq AND d.state = 'cancelled' AND d.cancelled_epoch = u.epoch AND d.attempt_count < u.number
    RETURNING u.*)
  INSERT INTO attempts (seq, number, ${ATTEMPT}) SELECT seq, number, ${ATTEMPT} FROM counted`,
);

const MAX_COMPLETIONS = 500;

export function createComplete(
  db: Database,
  depths: LaneDepths,
  onBatch?: (writes: number) => void,
): Batcher<Completion, 'done' | 'stale'> {
  return new Batcher((completions) => completeAll(db, depths, completions), {
    maxJobs: MAX_COMPLETIONS,
    onBatch,
    keyOf: ({ seq }) => String(seq),
  });
}

async function completeAll(
  db: Database,
  depths: LaneDepths,
  unsorted: readonly Completion[],
): Promise<Outcome<'done' | 'stale'>[]> {
  // Rows are locked in the order of the array: one order for everybody.
  const completions = [...unsorted].sort((a, b) => a.seq - b.seq);
  const rows = await record(db, completions);
  const done = new Set(rows.map((row) => row['seq'] as number));
  const stale = completions.filter(({ seq, attempt }) => attempt !== undefined && !done.has(seq));
  if (stale.length > 0) await db.write(recordCancelled, attemptColumns(stale));
  return unsorted.map(({ seq, lane, state }) => {
    if (!done.has(seq)) return { value: 'stale' };
    if (state !== 'scheduled') depths.add(lane, -1);
    return { value: 'done' };
  });
}

async function record(db: Database, completions: readonly Completion[]): Promise<Row[]> {
  const values = columns(completions);
  if (completions.every(({ followUp }) => followUp === undefined)) {
    const lowers = completions.some(({ state, lane }) => state === 'scheduled' || isOrdered(lane));
    return db.write(lowers ? completeAndLower : complete, values);
  }
  return db.transaction(async (tx) => {
    const rows = await tx.query(complete, values);
    const done = new Set(rows.map((row) => row['seq'] as number));
    const held = completions.filter(({ seq }) => done.has(seq));
    const followUps = held.flatMap(({ followUp }): NewDelivery[] => (followUp ? [followUp] : []));
    const lowered = held.flatMap((completion) => {
      const { lane, state } = completion;
      if (state === 'scheduled') return [{ lane, dueAt: completion.dueAt }];
      return isOrdered(lane) ? [{ lane, dueAt: completion.finishedAt }] : [];
    });
    // The lanes of both in one statement, so in one order: replicas that do the same never wait crosswise.
    await tx.commit(...enterLanes(tx, [...lowered, ...followUps]), insertEntered(tx, followUps));
    return rows;
  });
}

function columns(completions: readonly Completion[]): Value[] {
  const column = <T>(of: (completion: Completion) => T): T[] => completions.map(of);
  const [seqs, epochs, ...attempts] = attemptColumns(completions);
  return [
    seqs as Buffer,
    epochs as Buffer,
    textArray(column(({ state }) => state)),
    bigintArray(column((c) => (c.state === 'scheduled' ? c.dueAt : c.finishedAt))),
    textArray(column(({ lastError }) => lastError)),
    intArray(column(({ unburnt }) => (unburnt === true ? 1 : 0))),
    ...attempts,
  ];
}

function attemptColumns(completions: readonly Completion[]): Buffer[] {
  const column = <T>(of: (completion: Completion) => T): T[] => completions.map(of);
  return [
    bigintArray(column(({ seq }) => seq)),
    intArray(column(({ epoch }) => epoch)),
    intArray(column(({ attempt }) => attempt?.number ?? null)),
    bigintArray(column(({ attempt }) => attempt?.startedAt ?? null)),
    bigintArray(column(({ attempt }) => attempt?.durationMs ?? null)),
    textArray(column(({ attempt }) => attempt?.outcome ?? null)),
    intArray(column(({ attempt }) => attempt?.statusCode ?? null)),
    textArray(column(({ attempt }) => attempt?.errorClass ?? null)),
    textArray(column(({ attempt }) => attempt?.responseExcerpt ?? null)),
    bigintArray(column(({ attempt }) => attempt?.connectedMs ?? null)),
    bigintArray(column(({ attempt }) => attempt?.answeredMs ?? null)),
    textArray(column(({ attempt }) => attempt?.spanId ?? null)),
  ];
}
