import type { DatabaseSync } from 'node:sqlite';
import { isOrdered, type DeliveryKind, type LeasedDelivery } from '../../outbox/delivery.ts';
import { errorClassOf } from '../delivery-rows.ts';
import type { ClaimRequest, ClaimResult, Completion, OutboxStore } from '../store.ts';
import type { LaneDepths } from './depths.ts';
import type { Failures } from './failures.ts';
import type { GroupCommit } from './group-commit.ts';
import type { InsertDelivery } from './insert-delivery.ts';
import type { Lanes } from './lanes.ts';
import { createPrune } from './prune.ts';

interface ClaimRow {
  seq: number;
  id: string;
  kind: DeliveryKind;
  agent_id: string;
  name: string;
  due_at: number;
  epoch: number;
  attempt_count: number;
  unburnt_count: number;
  created_at: number;
  body: Uint8Array;
  traceparent: string | null;
}

const CLAIM_COLUMNS = `d.seq, d.id, d.kind, d.agent_id, d.name, d.due_at, d.epoch, d.attempt_count, d.unburnt_count, d.created_at,
  p.body, p.traceparent FROM deliveries d JOIN payloads p ON p.seq = d.seq`;

export function createOutboxStore(
  db: DatabaseSync,
  commit: GroupCommit,
  lanes: Lanes,
  depths: LaneDepths,
  insertDelivery: InsertDelivery,
  failures: Failures,
): OutboxStore {
  const selectDue = db.prepare(`
    SELECT ${CLAIM_COLUMNS}
    WHERE d.lane = ? AND d.state = 'scheduled' AND d.due_at <= ? ORDER BY d.due_at LIMIT ?`);
  const selectHead = db.prepare(`
    SELECT ${CLAIM_COLUMNS}
    WHERE d.lane = ? AND d.state = 'scheduled' AND d.ordered = 1 ORDER BY d.seq LIMIT 1`);
  const lease = db.prepare(
    'UPDATE deliveries SET due_at = ?, lease_owner = ?, epoch = epoch + 1 WHERE seq = ?',
  );
  const earliest = db.prepare(
    "SELECT min(due_at) AS due_at FROM deliveries WHERE lane = ? AND state = 'scheduled'",
  );
  // The epoch alone does not tell: it grows with the next lease, not with the end of this one.
  const complete = db.prepare(`
    UPDATE deliveries
    SET state = ?, due_at = ?, lease_owner = NULL, attempt_count = coalesce(?, attempt_count),
      unburnt_count = unburnt_count + ?, finished_at = ?, last_error = ?
    WHERE seq = ? AND epoch = ? AND state = 'scheduled' AND lease_owner IS NOT NULL`);
  const countAttempt = db.prepare(`
    UPDATE deliveries SET attempt_count = ?1
    WHERE seq = ?2 AND epoch = ?3 AND state = 'cancelled' AND attempt_count < ?1`);
  const insertAttempt = db.prepare(`
    INSERT INTO attempts
      (seq, number, started_at, duration_ms, outcome, status_code, error_class, response_excerpt,
        connected_ms, answered_ms, span_id)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`);
  const release = db.prepare(`
    UPDATE deliveries SET due_at = ?, lease_owner = NULL
    WHERE seq = ? AND epoch = ? AND state = 'scheduled' AND lease_owner IS NOT NULL`);
  const recover = db.prepare(`
    UPDATE deliveries SET due_at = ?1, lease_owner = NULL
    WHERE state = 'scheduled' AND lease_owner IS NOT NULL AND due_at > ?1 AND due_at <= ?2
      AND lane IN (SELECT lane FROM lanes WHERE due_at <= ?2 UNION ALL SELECT lane FROM lanes WHERE hold_until > 0
        UNION ALL SELECT lane FROM lanes WHERE paused_at IS NOT NULL)`);
  const recoverLanes = db.prepare(
    'UPDATE lanes SET due_at = max(?, hold_until) WHERE due_at > ? AND due_at <= ?',
  );
  const prune = createPrune(db);

  function dueRows(lane: string, limit: number, maxBytes: number, now: number): ClaimRow[] {
    if (isOrdered(lane)) {
      const head = selectHead.get(lane) as unknown as ClaimRow | undefined;
      return head !== undefined && head.due_at <= now ? [head] : [];
    }
    const rows: ClaimRow[] = [];
    let bytes = 0;
    for (const row of selectDue.iterate(lane, now, limit) as unknown as Iterable<ClaimRow>) {
      rows.push(row);
      bytes += row.body.byteLength;
      if (bytes >= maxBytes) break;
    }
    return rows;
  }

  function claimLane(
    { lane, held }: { lane: string; held: boolean },
    limit: number,
    maxBytes: number,
    request: ClaimRequest,
  ): LeasedDelivery[] {
    const rows = dueRows(lane, limit, maxBytes, request.now);
    for (const row of rows) lease.run(request.lease.until, request.lease.owner, row.seq);
    if (held && rows.length > 0) lanes.hold(lane, request.now + request.probeIntervalMs);
    lanes.set(lane, nextDueOf(lane), held);
    return rows.map((row) => ({
      seq: row.seq,
      id: row.id,
      kind: row.kind,
      agentId: row.agent_id,
      lane,
      name: row.name,
      createdAt: row.created_at,
      dueAt: row.due_at,
      body: row.body,
      traceparent: row.traceparent,
      epoch: row.epoch + 1,
      attemptCount: row.attempt_count,
      unburntCount: row.unburnt_count,
      probe: held,
      leaseUntil: request.lease.until,
    }));
  }

  /** Of an ordered lane only the head counts: what is behind it waits for it, due or not. */
  function nextDueOf(lane: string): number | undefined {
    const row = isOrdered(lane) ? selectHead.get(lane) : earliest.get(lane);
    return (row?.['due_at'] as number | null | undefined) ?? undefined;
  }

  function claim(request: ClaimRequest): ClaimResult {
    // Read first, write after: SQLite leaves it open what a cursor sees of rows changed under it.
    const wanted: { lane: string; held: boolean; capacity: number }[] = [];
    let more = false;
    let room = request.limit;
    for (const { lane, held } of lanes.due(request.now)) {
      if (room <= 0 || wanted.length === CLAIM_LANES) {
        more = true;
        break;
      }
      // Saturated lanes stay due and are stepped over: no more of them than one worker has attempts in flight.
      const capacity = request.capacityOf(lane);
      if (capacity <= 0) continue;
      wanted.push({ lane, held, capacity: held ? 1 : capacity });
      room -= 1;
    }
    const deliveries: LeasedDelivery[] = [];
    const lanesWithMore: string[] = [];
    let bytes = 0;
    for (const { lane, held, capacity } of wanted) {
      const want = Math.min(capacity, request.limit - deliveries.length);
      if (want === 0 || bytes >= request.maxBytes) {
        more = true;
        break;
      }
      const taken = claimLane({ lane, held }, want, request.maxBytes - bytes, request);
      for (const delivery of taken) bytes += delivery.body.byteLength;
      deliveries.push(...taken);
      const full = taken.length === want || bytes >= request.maxBytes;
      if (!isOrdered(lane) && !held && full) lanesWithMore.push(lane);
    }
    return { deliveries, lanesWithMore, more, nextDueAt: lanes.nextDueAt(request.now) };
  }

  function completeOne(completion: Completion): 'done' | 'stale' {
    const { seq, epoch, lane, attempt } = completion;
    const final = completion.state !== 'scheduled';
    const { changes } = complete.run(
      completion.state,
      final ? completion.finishedAt : completion.dueAt,
      attempt?.number ?? null,
      completion.unburnt === true ? 1 : 0,
      final ? completion.finishedAt : null,
      completion.lastError,
      seq,
      epoch,
    );
    if (changes === 0) {
      // Cancelled while its attempt was in flight: the state stays, but the attempt did happen.
      if (attempt !== undefined && countAttempt.run(attempt.number, seq, epoch).changes === 1) {
        recordAttempt(completion);
      }
      return 'stale';
    }
    recordAttempt(completion);
    if (completion.state === 'delivered') failures.delivered(seq, epoch);
    else failures.note(seq, completion.state, lane, errorClassOf(completion));
    if (final) depths.add(lane, -1);
    if (!final) lanes.lower(lane, completion.dueAt);
    else if (isOrdered(lane)) lanes.lower(lane, completion.finishedAt);
    if (completion.followUp !== undefined) insertDelivery(completion.followUp);
    return 'done';
  }

  function recordAttempt({ seq, attempt }: Completion): void {
    if (attempt === undefined) return;
    insertAttempt.run(
      seq,
      attempt.number,
      attempt.startedAt,
      attempt.durationMs,
      attempt.outcome,
      attempt.statusCode,
      attempt.errorClass,
      attempt.responseExcerpt,
      attempt.connectedMs,
      attempt.answeredMs,
      attempt.spanId,
    );
  }

  return {
    claim: (request) => commit.run(() => claim(request)),
    complete: (completion) => commit.run(() => completeOne(completion)),
    release: (leases, now) =>
      commit.run(() => {
        for (const { seq, epoch, lane } of leases) {
          if (release.run(now, seq, epoch).changes === 1) lanes.lower(lane, now);
        }
      }),
    recover: (now, longestLeaseMs) =>
      commit.run(() => {
        // An unexpired lease ends between now and this horizon: neither what is due already (an expired lease is), nor
        // what waits for longer is looked at, so a start costs the same whatever the backlog.
        const horizon = now + longestLeaseMs;
        const { changes } = recover.run(now, horizon);
        recoverLanes.run(now, now, horizon);
        return Number(changes);
      }),
    prune: (request) => commit.run(() => prune(request)),
  };
}

/** Lanes taken from in one claim: it bounds the time that one claim holds the event loop. */
const CLAIM_LANES = 256;
