import { isOrdered, type DeliveryKind } from '../../outbox/delivery.ts';
import type { ClaimedRow, ClaimOfLanes, Operations, Part } from './writer-messages.ts';
import type { OperationDeps } from './writer-operations.ts';

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

/** Takes what is due in the lanes that were found, under a lease. */
export function createClaim({ db, lanes }: Pick<OperationDeps, 'db' | 'lanes'>) {
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

  function dueRows(lane: string, limit: number, maxBytes: number, now: number): ClaimRow[] {
    if (isOrdered(lane)) {
      const head = selectHead.get(lane) as unknown as ClaimRow | undefined;
      return head !== undefined && head.due_at <= now ? [head] : [];
    }
    // Read first, write after: SQLite leaves it open what a cursor sees of rows changed under it.
    const rows: ClaimRow[] = [];
    let bytes = 0;
    for (const row of selectDue.iterate(lane, now, limit) as unknown as Iterable<ClaimRow>) {
      rows.push(row);
      bytes += row.body.byteLength;
      if (bytes >= maxBytes) break;
    }
    return rows;
  }

  /** Of an ordered lane only the head counts: what is behind it waits for it, due or not. */
  function nextDueOf(lane: string): number | undefined {
    const row = isOrdered(lane) ? selectHead.get(lane) : earliest.get(lane);
    return (row?.['due_at'] as number | null | undefined) ?? undefined;
  }

  function claimLane(
    lane: string,
    held: boolean,
    rows: readonly ClaimRow[],
    request: ClaimOfLanes,
  ) {
    for (const row of rows) lease.run(request.lease.until, request.lease.owner, row.seq);
    if (held && rows.length > 0) lanes.hold(lane, request.now + request.probeIntervalMs);
    lanes.set(lane, nextDueOf(lane), held);
  }

  return (request: ClaimOfLanes): Part<Operations['claim']['result']> => {
    const deliveries: ClaimedRow[] = [];
    const bodies: Uint8Array[] = [];
    const lanesWithMore: string[] = [];
    let more = false;
    let bytes = 0;
    for (const { lane, capacity } of request.wanted) {
      // A claim or a hold may have come between the look at the lanes and this one.
      const found = lanes.dueOf(lane, request.now);
      if (found === undefined) continue;
      const { held } = found;
      const want = Math.min(held ? 1 : capacity, request.limit - deliveries.length);
      if (want === 0 || bytes >= request.maxBytes) {
        more = true;
        break;
      }
      const rows = dueRows(lane, want, request.maxBytes - bytes, request.now);
      claimLane(lane, held, rows, request);
      for (const row of rows) {
        bytes += row.body.byteLength;
        bodies.push(row.body);
        deliveries.push(toRow(row, lane, held));
      }
      const full = rows.length === want || bytes >= request.maxBytes;
      if (!isOrdered(lane) && !held && full) lanesWithMore.push(lane);
    }
    const nextDueAt = lanes.nextDueAt(request.now);
    return { content: { deliveries, lanesWithMore, more, nextDueAt }, bodies };
  };
}

function toRow(row: ClaimRow, lane: string, probe: boolean): ClaimedRow {
  return [
    row.seq,
    row.id,
    row.kind,
    row.agent_id,
    lane,
    row.name,
    row.created_at,
    row.due_at,
    row.traceparent,
    row.epoch + 1,
    row.attempt_count,
    row.unburnt_count,
    probe,
  ];
}
