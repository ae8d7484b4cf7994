import { randomBytes, randomUUID } from 'node:crypto';
import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import { v7 as uuidv7 } from 'uuid';
import { isOrdered, laneOf, type DeliveryKind } from '../../src/outbox/delivery.ts';
import { fromText } from '../../src/store/postgres/text.ts';
import { query } from '../helpers/postgres.ts';

// Rows of every shape that the schema allows, made and read back without the code that moves them.

const pick = <T>(values: readonly T[]): T => values[Math.floor(Math.random() * values.length)] as T;
const upTo = (max: number) => Math.floor(Math.random() * max);
const maybe = <T>(value: T): T | null => (Math.random() < 0.5 ? value : null);
const moment = () => 1_700_000_000_000 + upTo(100_000_000_000);

/** Text that stores get wrong when they get text wrong. */
const text = () =>
  pick(['', 'a', '\0', '\u0001', '\u0001a', 'é', '𝄞', "'", '"', '\\', '\n', '{}', ' ', 'ﬀ']) +
  pick(['x', '\0', randomUUID(), '{"a":[1]}', 'x'.repeat(upTo(300))]);

const NEVER = Number.MAX_SAFE_INTEGER;

const errorClass = () => pick([null, 'timeout', 'dns', 'http_status', 'agent_expired']);

/** Fills a migrated, empty file with so many deliveries, and with agents, events and the rest beside them. */
export function fillSqlite(path: string, deliveries: number): void {
  const db = new DatabaseSync(path);
  db.exec('PRAGMA synchronous = OFF; BEGIN');
  const insert = (table: string, row: Readonly<Record<string, SQLInputValue>>) => {
    const columns = Object.keys(row);
    db.prepare(
      `INSERT INTO ${table} (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')})`,
    ).run(...Object.values(row));
  };
  const agentIds = Array.from({ length: Math.ceil(deliveries / 20) }, () => uuidv7());
  for (const agent_id of agentIds) {
    insert('agents', {
      ...{ agent_id, agent_name: text() + randomUUID(), version: text(), contact_endpoint: text() },
      ...{ capabilities: '["a"]', metadata: `{"m":${JSON.stringify(text())}}` },
      ...{ signing_secret: `whsec_${randomUUID()}`, previous_secret: maybe(randomUUID()) },
      ...{ previous_secret_until: maybe(moment()), previous_secret_hex_until: maybe(moment()) },
      ...{ token_hash: randomUUID(), previous_token_hash: maybe(randomUUID()) },
      ...{ previous_token_until: maybe(moment()), owner: maybe(text()) },
      status: pick(['online', 'offline', 'unreachable', 'deregistering']),
      ...{ registered_at: moment(), updated_at: moment(), last_seen_at: moment() },
      ...{ lease_seconds: maybe(upTo(900)), lease_expires_at: maybe(moment()) },
      ...{ offline_at: maybe(moment()), unreachable_at: maybe(moment()), revision: upTo(1e9) },
    });
    for (const tag of ['c:a', `m:${text()}`]) insert('agent_tags', { tag, agent_id });
    insert('agent_events', {
      ...{ type: pick(['registered', 'status']), at: moment(), agent_id, agent: maybe(text()) },
    });
    insert('idempotency_keys', {
      ...{ agent_id, key: text(), body_hash: text(), task_id: uuidv7(), created_at: moment() },
    });
    if (Math.random() < 0.5) {
      const paused_at = maybe(moment());
      const hold_until = pick([NEVER, moment(), ...(paused_at === null ? [] : [0])]);
      const due_at = paused_at === null ? hold_until : NEVER;
      insert('lanes', { lane: laneOf('task', agent_id), due_at, hold_until, paused_at });
    }
  }
  // The last number that was given out is of an event that is deleted.
  insert('agent_events', { type: 'registered', at: 1, agent_id: 'x', agent: null });
  db.exec('DELETE FROM agent_events WHERE seq = (SELECT max(seq) FROM agent_events)');
  for (let i = 0; i < 40; i += 1) {
    insert('api_keys', {
      ...{
        name: `k${i}${text()}`,
        scope: pick(['admin', 'read']),
        hash: randomUUID(),
        prefix: 'p',
      },
      ...{
        created_at: moment(),
        previous_hash: maybe(randomUUID()),
        previous_until: maybe(moment()),
      },
    });
    insert('first_seen', { name: `n${i}`, value: text(), seen_at: moment() });
  }
  let seq = upTo(1_000);
  for (let i = 0; i < deliveries; i += 1) {
    seq += 1 + upTo(3);
    const agentId = pick(agentIds);
    const kind = pick<DeliveryKind>(['task', 'task', 'task', 'webhook', 'state_report']);
    const state = pick(['scheduled', 'scheduled', 'delivered', 'dead', 'cancelled']);
    // Reports that go before DEREGISTER are in the lane of the webhooks.
    const lane = laneOf(kind === 'state_report' ? pick([kind, 'webhook']) : kind, agentId);
    const ended = state !== 'scheduled';
    const finished_at = ended ? moment() : null;
    const due_at = finished_at ?? moment();
    const number = upTo(3);
    insert('deliveries', {
      ...{ seq, id: uuidv7(), kind, agent_id: agentId, lane, ordered: isOrdered(lane) ? 1 : 0 },
      ...{ name: text(), state, due_at, lease_owner: ended ? null : maybe(randomUUID()) },
      ...{ epoch: ended ? 0 : upTo(50), attempt_count: number, unburnt_count: upTo(9) },
      ...{ created_at: moment(), finished_at, last_error: maybe(text()) },
    });
    const error_class = errorClass();
    // What waits for its first attempt has not failed.
    if (state === 'dead' || state === 'cancelled' || (!ended && error_class !== null)) {
      insert('failures', { seq, state, agent_id: agentId, error_class });
    }
    const size = pick([0, 2, 300, 300, 300, 10_000, i % 500 === 0 ? 3_000_000 : 1]);
    insert('payloads', { seq, body: randomBytes(size), traceparent: maybe(text()) });
    for (let attempt = 1; attempt <= number; attempt += 1) {
      insert('attempts', {
        ...{ seq, number: attempt, started_at: moment(), duration_ms: upTo(30_000) },
        ...{ outcome: pick(['delivered', 'retry', 'failed']), status_code: maybe(200 + upTo(400)) },
        ...{ error_class: errorClass(), response_excerpt: maybe(text()) },
        ...{ connected_ms: maybe(upTo(900)), answered_ms: maybe(upTo(900)), span_id: maybe('ab') },
      });
    }
    if (ended) continue;
    db.prepare(
      `INSERT INTO lanes (lane, due_at) VALUES (?1, ?2)
       ON CONFLICT (lane) DO UPDATE SET due_at = max(min(due_at, ?2), hold_until) WHERE paused_at IS NULL`,
    ).run(lane, due_at);
  }
  for (let i = 0; i < 40; i += 1) {
    const state = pick(['running', 'done', 'cancelled']);
    insert('replays', {
      ...{ id: uuidv7(), state, kind: maybe('task'), agent_id: maybe(pick(agentIds)) },
      ...{ error_class: errorClass(), since: maybe(moment()), until: maybe(moment()) },
      ...{ created_at: moment(), created_by: maybe(text()) },
      ...{ finished_at: state === 'running' ? null : moment(), last_seq: seq, cursor: upTo(seq) },
      ...{ total: upTo(1e6), replayed: upTo(1e6), skipped: upTo(1e6) },
    });
  }
  db.exec('COMMIT');
  db.close();
}

type Rows = Readonly<Record<string, unknown[]>>;

/** Leases are given back, so a leased delivery is due since it was created. */
const SCHEDULED = 'CASE WHEN lease_owner IS NULL THEN due_at ELSE created_at END';

const SAME = [
  'agents ORDER BY agent_id',
  'agent_tags ORDER BY tag, agent_id',
  'agent_events ORDER BY seq',
  'attempts ORDER BY seq, number',
  'replays ORDER BY id',
  'idempotency_keys ORDER BY agent_id, key',
  'api_keys ORDER BY name',
  'first_seen ORDER BY name',
];

const DELIVERY = `d.seq, d.id, d.kind, d.agent_id, d.name, d.state, d.attempt_count, d.unburnt_count, d.created_at,
  d.finished_at, d.last_error`;

/** The lane of nearly all: PostgreSQL keeps those of the others. */
const OWN_LANE = "d.kind || ':' || d.agent_id";

/** All that is in a file, as PostgreSQL should have it; `raw`: as it is. */
export function rowsOfSqlite(path: string, { raw = false } = {}): Rows {
  const db = new DatabaseSync(path, { readOnly: true });
  const all = (sql: string) =>
    db
      .prepare(sql)
      .all()
      .map((row) => ({ ...row }));
  const rows: Record<string, unknown[]> = {};
  for (const table of SAME) rows[table] = all(`SELECT * FROM ${table}`);
  rows['deliveries'] = all(`SELECT ${raw ? '*' : DELIVERY} FROM deliveries d ORDER BY seq`);
  rows['payloads'] = all(`SELECT p.*, nullif(d.lane, ${OWN_LANE}) AS lane
    FROM payloads p JOIN deliveries d ON d.seq = p.seq ORDER BY p.seq`);
  rows['undelivered'] = all(`SELECT seq, state, agent_id, error_class
    FROM failures WHERE state <> 'scheduled' ORDER BY seq`);
  rows['schedule'] = all(`SELECT seq, ${SCHEDULED} AS due_at, epoch, lane, ordered,
    (SELECT error_class FROM failures f WHERE f.seq = d.seq) AS error_class,
    (SELECT length(body) FROM payloads p WHERE p.seq = d.seq) AS bytes
    FROM deliveries d WHERE state = 'scheduled' ORDER BY seq`);
  rows['lanes'] = raw
    ? all('SELECT * FROM lanes ORDER BY lane')
    : all(`SELECT l.lane, l.hold_until, l.paused_at, iif(l.paused_at IS NOT NULL, ${NEVER},
          max(coalesce((SELECT min(${SCHEDULED}) FROM deliveries d WHERE d.lane = l.lane AND state = 'scheduled'), ${NEVER}),
            hold_until)) AS due_at
        FROM lanes l ORDER BY l.lane`);
  rows['last_event'] = all("SELECT seq FROM sqlite_sequence WHERE name = 'agent_events'");
  db.close();
  return rows;
}

/** The same of PostgreSQL. */
export async function rowsOfPostgres(url: string): Promise<Rows> {
  const plain = (value: unknown): unknown => {
    if (typeof value === 'string')
      return /^-?\d{1,16}$/.test(value) ? Number(value) : fromText(value);
    if (typeof value === 'boolean') return value ? 1 : 0;
    return value instanceof Buffer ? Uint8Array.from(value) : value;
  };
  const all = async (sql: string) =>
    (await query(url, sql)).map((row) =>
      Object.fromEntries(Object.entries(row).map(([name, value]) => [name, plain(value)])),
    );
  const rows: Record<string, unknown[]> = {};
  for (const table of SAME) rows[table] = await all(`SELECT * FROM ${table}`);
  rows['deliveries'] = await all(`SELECT ${DELIVERY} FROM deliveries d ORDER BY seq`);
  rows['payloads'] = await all('SELECT * FROM payloads ORDER BY seq');
  rows['undelivered'] = await all('SELECT * FROM undelivered ORDER BY seq');
  rows['schedule'] = await all(
    'SELECT seq, due_at, epoch, lane, ordered, error_class, bytes FROM schedule ORDER BY seq',
  );
  rows['lanes'] = await all('SELECT * FROM lanes ORDER BY lane');
  rows['last_event'] = await all('SELECT last AS seq FROM event_counter');
  return rows;
}
