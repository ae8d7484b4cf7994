import { isOrdered, type DeliveryKind, type LeasedDelivery } from '../../outbox/delivery.ts';
import type { ClaimRequest, ClaimResult } from '../store.ts';
import { intArray, textArray } from './arrays.ts';
import { sql, type Database, type Row } from './database.ts';
import { NEVER } from './lanes.ts';
import { raiseLanes } from './raise-lanes.ts';

const dueLanes = sql(
  'claim_lanes',
  `SELECT lane, due_at, hold_until > 0 AS held FROM lanes
  WHERE due_at <= $1 AND paused_at IS NULL AND (due_at, lane) > ($2::bigint, $3::text)
  ORDER BY due_at, lane LIMIT $4`,
);

/** Tells the second statement of a transaction what the first one locked, without a round trip between them. */
const LOCKED = 'agentkit.claimed_lanes';

// What another replica is at is left to it. By their places, so that the lanes need not be sought again.
const lock = sql(
  'claim_lock',
  `SELECT set_config('${LOCKED}', coalesce(array_agg(place)::text, '{}'), true)
  FROM (
    SELECT u.place FROM unnest($1::text[]) WITH ORDINALITY AS u (lane, place) JOIN lanes l ON l.lane = u.lane
    WHERE l.due_at <= $2 AND l.paused_at IS NULL FOR NO KEY UPDATE OF l SKIP LOCKED) k`,
);

// A statement of its own, after the lock: it sees everything that was put into these lanes before. In one statement with
// the lock it would see a lane as it is, and in it what there was when it began: not the webhook that a retry has just put
// before the others, so it would take the next one, and somebody else that one meanwhile.
// Nothing waits for a lock. LIMIT stands inside materialised CTEs, where no plan runs it twice. Of an ordered lane exactly
// the head is tried: a LIMIT over SKIP LOCKED would go on to the second when the first is taken. A held lane gives one
// delivery, a probe, and is held on in the same breath.
const take = sql(
  'claim_take',
  `WITH locked AS MATERIALIZED (
    SELECT l.lane, k.place, l.hold_until > 0 AS held,
      CASE WHEN l.hold_until > 0 THEN 1 ELSE ($2::integer[])[k.place] END AS capacity
    FROM unnest(current_setting('${LOCKED}')::integer[]) AS k (place) JOIN lanes l ON l.lane = ($1::text[])[k.place]
    ORDER BY k.place),
  side_by_side AS MATERIALIZED (
    SELECT k.lane, k.place, k.held, s.seq, s.due_at, s.bytes
    FROM locked k CROSS JOIN LATERAL (
      SELECT s.seq, s.due_at, s.bytes FROM schedule s
      WHERE s.lane = k.lane AND NOT s.ordered AND s.due_at <= $3
      ORDER BY s.due_at LIMIT k.capacity FOR UPDATE SKIP LOCKED) s
    LIMIT $4),
  heads AS MATERIALIZED (
    SELECT k.*, (SELECT h.seq FROM schedule h WHERE h.lane = k.lane AND h.ordered ORDER BY h.seq LIMIT 1) AS head
    FROM locked k),
  in_order AS MATERIALIZED (
    SELECT h.lane, h.place, h.held, s.seq, s.due_at, s.bytes
    FROM heads h JOIN schedule s ON s.seq = h.head WHERE s.due_at <= $3 LIMIT $4
    FOR UPDATE OF s SKIP LOCKED),
  found AS (SELECT * FROM side_by_side UNION ALL SELECT * FROM in_order),
  taken AS MATERIALIZED (
    SELECT * FROM (
      SELECT f.*, sum(f.bytes) OVER (ORDER BY f.place, f.due_at, f.seq) - f.bytes AS bytes_before,
        row_number() OVER (ORDER BY f.place, f.due_at, f.seq) AS position
      FROM found f) n
    WHERE n.bytes_before < $5 AND n.position <= $4),
  probed AS (
    UPDATE lanes l SET hold_until = $6, due_at = greatest(l.due_at, $6)
    FROM (SELECT DISTINCT lane FROM taken WHERE held) t WHERE l.lane = t.lane)
  UPDATE schedule s SET due_at = $7, start_by = $8, lease_owner = $9, epoch = s.epoch + 1
  FROM taken t JOIN deliveries d ON d.seq = t.seq JOIN payloads p ON p.seq = t.seq
  WHERE s.seq = t.seq
  RETURNING t.position, t.lane, t.held, t.due_at, s.seq, s.epoch, d.id, d.kind, d.agent_id, d.name, d.created_at,
    d.attempt_count, d.unburnt_count, p.body, p.traceparent`,
);

/** Lanes taken from in one claim: it bounds how long its transaction lasts. */
const CLAIM_LANES = 256;

/** Lanes looked at in one step: more than a worker usually has saturated. */
const LOOK_LANES = 512;

/** A lane that another replica is just writing to is looked at again after this. */
const LOOK_AGAIN_MS = 10;

interface Wanted {
  readonly lane: string;
  readonly capacity: number;
}

/**
 * Two transactions, each of one round trip: what is taken is locked no longer than the server takes for it, however busy
 * this process is. A lane that is not raised after its deliveries were taken costs somebody a look.
 */
export async function claim(db: Database, request: ClaimRequest): Promise<ClaimResult> {
  const { wanted, more } = await wantedLanes(db, request);
  const deliveries = wanted.length === 0 ? [] : await takeFrom(db, wanted, request);
  const { withMore, toRaise, cutOff } = judgeLanes(deliveries, wanted, request);
  return {
    deliveries,
    lanesWithMore: withMore,
    more: more || cutOff,
    nextDueAt: await raise(db, toRaise, request, deliveries.length > 0),
  };
}

async function takeFrom(
  db: Database,
  wanted: readonly Wanted[],
  request: ClaimRequest,
): Promise<LeasedDelivery[]> {
  const lanes = textArray(wanted.map(({ lane }) => lane));
  const [, rows] = await db.transaction((tx) =>
    tx.commit(
      tx.query(lock, [lanes, request.now]),
      tx.query(take, [lanes, ...takeValues(wanted, request)]),
    ),
  );
  return rows
    .sort((a, b) => (a['position'] as number) - (b['position'] as number))
    .map((row) => toLeased(row, request));
}

/** @returns when something is due next. What was taken is ours, so a failure after that is looked into later. */
async function raise(
  db: Database,
  lanes: readonly string[],
  { now }: ClaimRequest,
  hasTaken: boolean,
): Promise<number | null> {
  try {
    const { settled, nextDueAt } = await raiseLanes(db, lanes, now);
    // Somebody is just storing into one, or was taking from it: what that leaves shows in a moment.
    return settled ? nextDueAt : Math.min(nextDueAt ?? NEVER, now + LOOK_AGAIN_MS);
  } catch (error) {
    if (!hasTaken) throw error;
    return now + LOOK_AGAIN_MS;
  }
}

/** Due lanes of which this worker takes something, the longest waiting first; saturated ones are stepped over. */
async function wantedLanes(
  db: Database,
  request: ClaimRequest,
): Promise<{ wanted: Wanted[]; more: boolean }> {
  const most = Math.min(request.limit, CLAIM_LANES);
  const wanted: Wanted[] = [];
  let [dueAt, lane] = [Number.MIN_SAFE_INTEGER, ''];
  for (;;) {
    const rows = await db.read(dueLanes, [request.now, dueAt, lane, LOOK_LANES]);
    for (const row of rows) {
      if (wanted.length >= most) return { wanted, more: true };
      [dueAt, lane] = [row['due_at'] as number, row['lane'] as string];
      const capacity = request.capacityOf(lane);
      if (capacity > 0) wanted.push({ lane, capacity: row['held'] === true ? 1 : capacity });
    }
    if (rows.length < LOOK_LANES) return { wanted, more: false };
  }
}

function takeValues(wanted: readonly Wanted[], request: ClaimRequest) {
  const { lease, now, limit, maxBytes, probeIntervalMs } = request;
  return [
    intArray(wanted.map(({ capacity }) => Math.min(capacity, limit))),
    now,
    limit,
    maxBytes,
    now + probeIntervalMs,
    lease.until,
    lease.startBy ?? lease.until,
    lease.owner,
  ];
}

/**
 * What is known of each lane after a claim. `withMore`: as much was taken as asked. `toRaise`: nothing more is due, so
 * its due time is to be brought to the truth; what is full stays due as it is. `cutOff`: a limit was reached before
 * every lane had its turn.
 */
function judgeLanes(
  deliveries: readonly LeasedDelivery[],
  wanted: readonly Wanted[],
  { limit, maxBytes }: ClaimRequest,
): { withMore: string[]; toRaise: string[]; cutOff: boolean } {
  const taken = new Map<string, LeasedDelivery[]>();
  for (const delivery of deliveries) {
    const ofLane = taken.get(delivery.lane);
    if (ofLane === undefined) taken.set(delivery.lane, [delivery]);
    else ofLane.push(delivery);
  }
  const [withMore, toRaise]: [string[], string[]] = [[], []];
  let [count, bytes] = [0, 0];
  for (const { lane, capacity } of wanted) {
    const want = Math.min(capacity, limit - count);
    if (want <= 0 || bytes >= maxBytes) return { withMore, toRaise, cutOff: true };
    const ofLane = taken.get(lane) ?? [];
    count += ofLane.length;
    for (const { body } of ofLane) bytes += body.byteLength;
    const probed = ofLane[0]?.probe === true;
    if (isOrdered(lane)) toRaise.push(lane);
    else if (ofLane.length < want && bytes < maxBytes) toRaise.push(lane);
    else if (!probed) withMore.push(lane);
  }
  return { withMore, toRaise, cutOff: false };
}

function toLeased(row: Row, { lease }: ClaimRequest): LeasedDelivery {
  return {
    seq: row['seq'] as number,
    id: row['id'] as string,
    kind: row['kind'] as DeliveryKind,
    agentId: row['agent_id'] as string,
    lane: row['lane'] as string,
    name: row['name'] as string,
    createdAt: row['created_at'] as number,
    dueAt: row['due_at'] as number,
    body: row['body'] as Uint8Array,
    traceparent: row['traceparent'] as string | null,
    epoch: row['epoch'] as number,
    attemptCount: row['attempt_count'] as number,
    unburntCount: row['unburnt_count'] as number,
    probe: row['held'] as boolean,
    leaseUntil: lease.until,
  };
}
