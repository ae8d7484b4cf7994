import type { NewDelivery } from '../../outbox/delivery.ts';
import type { Idempotency, InsertTaskResult, Lease } from '../store.ts';
import { bigintArray, boolArray, byteaArray, textArray } from './arrays.ts';
import { Batcher, type Outcome } from './batcher.ts';
import { sql, type Database, type Row } from './database.ts';
import type { LaneDepths } from './depths.ts';
import { LOWER_LANES } from './lanes.ts';

// One statement stores a batch. The agent's row is locked FOR KEY SHARE, so a deregistration waits for us, or we find
// the agent gone. A key that another replica is just storing makes us wait for its commit, and then store nothing.
const insert = sql(
  'insert_tasks',
  `WITH asked AS MATERIALIZED (
    SELECT u.*, a.status,
      EXISTS (SELECT FROM lanes p WHERE p.lane = u.lane AND p.paused_at IS NOT NULL) AS paused
    FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::bytea[], $8::text[],
      $9::bigint[], $10::bigint[], $11::text[], $12::text[], $13::text[], $14::boolean[])
      WITH ORDINALITY AS u (id, agent_id, lane, name, due_at, created_at, body, traceparent,
        lease_until, start_by, owner, key, body_hash, admitted, place)
    JOIN agents a ON a.agent_id = u.agent_id
    WHERE a.status <> 'deregistering'
    FOR KEY SHARE OF a),
  keyed AS (
    INSERT INTO idempotency_keys (agent_id, key, body_hash, task_id, created_at)
    SELECT agent_id, key, body_hash, id, created_at FROM asked WHERE key IS NOT NULL AND admitted
    ORDER BY agent_id, key
    ON CONFLICT (agent_id, key) DO NOTHING
    RETURNING task_id),
  incoming AS MATERIALIZED (
    SELECT nextval('deliveries_seq_seq') AS seq, q.* FROM (
      SELECT asked.*, status = 'online' AND NOT paused AND lease_until IS NOT NULL AS leased FROM asked
      WHERE admitted AND (key IS NULL OR id IN (SELECT k.task_id FROM keyed k))
      ORDER BY place) q),
  stored AS (
    INSERT INTO deliveries (seq, id, kind, agent_id, name, state, created_at)
    SELECT seq, id, 'task', agent_id, name, 'scheduled', created_at FROM incoming),
  scheduled AS (
    INSERT INTO schedule (seq, due_at, start_by, epoch, bytes, ordered, lane, lease_owner)
    SELECT seq, CASE WHEN leased THEN lease_until ELSE due_at END, CASE WHEN leased THEN start_by END,
      CASE WHEN leased THEN 1 ELSE 0 END, length(body), false, lane, CASE WHEN leased THEN owner END
    FROM incoming),
  kept AS (INSERT INTO payloads (seq, body, traceparent) SELECT seq, body, traceparent FROM incoming),
  wanted AS MATERIALIZED (
    SELECT lane, min(CASE WHEN leased THEN lease_until ELSE due_at END) AS due_at FROM incoming GROUP BY lane),
  ${LOWER_LANES}
  SELECT id, NULL::bigint AS seq, NULL::boolean AS leased FROM asked
  UNION ALL SELECT id, seq, leased FROM incoming`,
);

const selectKeys = sql(
  'select_idempotency_keys',
  `SELECT k.agent_id, k.key, k.body_hash, k.task_id
  FROM unnest($1::text[], $2::text[]) AS u (agent_id, key)
  JOIN idempotency_keys k ON k.agent_id = u.agent_id AND k.key = u.key`,
);

export interface InsertJob {
  readonly task: NewDelivery;
  readonly lease: Lease | undefined;
  readonly idempotency: Idempotency | undefined;
  readonly queueLimit: number;
}

/** Tasks of one statement, and bytes of their bodies. */
const MAX_TASKS = 500;
const MAX_BYTES = 8 * 1_048_576;

export function createInsertTasks(
  db: Database,
  depths: LaneDepths,
  onBatch?: (writes: number) => void,
): Batcher<InsertJob, InsertTaskResult> {
  return new Batcher((jobs) => insertTasks(db, depths, jobs), {
    maxJobs: MAX_TASKS,
    onBatch,
    keyOf: ({ task, idempotency }) =>
      idempotency === undefined ? undefined : JSON.stringify([task.agentId, idempotency.key]),
    weight: { of: ({ task }) => task.body.byteLength, max: MAX_BYTES },
  });
}

async function insertTasks(
  db: Database,
  depths: LaneDepths,
  jobs: readonly InsertJob[],
): Promise<Outcome<InsertTaskResult>[]> {
  const admitted = await depths.admit(jobs.map(({ task, queueLimit }) => [task.lane, queueLimit]));
  const rows = await db.write(insert, bindings(jobs, admitted));
  const there = new Set<string>();
  const stored = new Map<string, Row>();
  for (const row of rows) {
    if (row['seq'] === null) there.add(row['id'] as string);
    else stored.set(row['id'] as string, row);
  }
  const keys = await storedKeys(
    db,
    jobs.filter(({ task }) => there.has(task.id) && !stored.has(task.id)),
  );
  return jobs.map((job, index) => {
    const { task } = job;
    const row = stored.get(task.id);
    if (row === undefined) depths.add(task.lane, -1);
    else {
      const value = { seq: row['seq'] as number, leased: row['leased'] as boolean };
      return { value: { outcome: 'inserted', ...value } };
    }
    if (!there.has(task.id)) return { value: { outcome: 'agent_not_found' } };
    const { idempotency } = job;
    const known = idempotency && keys.get(JSON.stringify([task.agentId, idempotency.key]));
    if (known !== undefined) {
      return known['body_hash'] === idempotency?.bodyHash
        ? { value: { outcome: 'repeated', taskId: known['task_id'] as string } }
        : { value: { outcome: 'idempotency_conflict' } };
    }
    // The key that stood in the way has been pruned meanwhile, or its transaction was undone.
    return admitted[index] === true ? { again: true } : { value: { outcome: 'queue_full' } };
  });
}

/** What stands under the keys of jobs that were not stored. */
async function storedKeys(db: Database, jobs: readonly InsertJob[]): Promise<Map<string, Row>> {
  const keyed = jobs.flatMap(({ task, idempotency }) =>
    idempotency === undefined ? [] : [{ agentId: task.agentId, key: idempotency.key }],
  );
  if (keyed.length === 0) return new Map();
  const rows = await db.read(selectKeys, [
    textArray(keyed.map(({ agentId }) => agentId)),
    textArray(keyed.map(({ key }) => key)),
  ]);
  return new Map(rows.map((row) => [JSON.stringify([row['agent_id'], row['key']]), row]));
}

function bindings(jobs: readonly InsertJob[], admitted: readonly boolean[]) {
  const column = <T>(of: (job: InsertJob) => T): T[] => jobs.map(of);
  return [
    textArray(column(({ task }) => task.id)),
    textArray(column(({ task }) => task.agentId)),
    textArray(column(({ task }) => task.lane)),
    textArray(column(({ task }) => task.name)),
    bigintArray(column(({ task }) => task.dueAt)),
    bigintArray(column(({ task }) => task.createdAt)),
    byteaArray(column(({ task }) => task.body)),
    textArray(column(({ task }) => task.traceparent)),
    bigintArray(column(({ lease }) => lease?.until ?? null)),
    bigintArray(column(({ lease }) => lease?.startBy ?? lease?.until ?? null)),
    textArray(column(({ lease }) => lease?.owner ?? null)),
    textArray(column(({ idempotency }) => idempotency?.key ?? null)),
    textArray(column(({ idempotency }) => idempotency?.bodyHash ?? null)),
    boolArray(admitted),
  ];
}
