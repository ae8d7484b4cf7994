// What pages of the list of deliveries cost with 1,000 and with 1,000,000 stored: node bench/deliveries.ts [sqlite|postgres]
//
// Two databases of each kind, asked in turns through the store: what the machine does meanwhile, it does to both. Prints
// medians in milliseconds and their ratio. PostgreSQL is that of the tests (fsync off; nothing here is written).
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import pg from 'pg';
import { openPostgresStore } from '../src/store/postgres/store.ts';
import { openSqliteStore } from '../src/store/sqlite/store.ts';
import type { DeliveryFilter } from '../src/store/delivery-store.ts';
import type { Store } from '../src/store/store.ts';
import { startPostgres } from '../test/helpers/postgres-server.ts';

const SIZES = [1_000, Number(process.env['BENCH_DELIVERIES'] ?? '1000000')] as const;
const AGENTS = 1_000;
const ROUNDS = 7;
const PAGE = 100;

/** Accepted one a second, the last now. */
const NOW = Date.now();
const acceptedAt = (n: number, size: number): number => NOW - (size - n) * 1_000;

const KINDS = ['webhook', 'state_report', 'task'] as const;

/**
 * As things are after an outage: 1 % of the deliveries go to Ops-Core; of every 1,000, two are dead letters and one is
 * cancelled; what waits is the oldest 0.1 %, of an agent that is away, and the newest 0.1 %.
 */
function row(n: number, size: number) {
  const kind = n % 100 === 7 ? (n % 200 === 7 ? KINDS[0] : KINDS[1]) : KINDS[2];
  const edge = Math.max(1, Math.floor(size / 1_000));
  const waits = n <= edge || n > size - edge;
  const state = waits
    ? 'scheduled'
    : n % 500 === 3
      ? 'dead'
      : n % 1_000 === 5
        ? 'cancelled'
        : 'delivered';
  const errorClass = state === 'dead' ? (n % 1_000 === 3 ? 'timeout' : 'http_status') : null;
  const agentId = n <= edge ? 'agent-away' : `agent-${String(n % AGENTS)}`;
  return { kind, state, errorClass, agentId, at: acceptedAt(n, size) };
}

interface Target {
  readonly store: Store;
  close(): Promise<void>;
}

async function sqlite(size: number): Promise<Target> {
  const dir = mkdtempSync(join(tmpdir(), 'agentkit-bench-'));
  const path = join(dir, 'agentkit.db');
  await openSqliteStore(path).close();
  const db = new DatabaseSync(path);
  db.exec('PRAGMA synchronous = OFF; BEGIN');
  const insert = db.prepare(`
    INSERT INTO deliveries (seq, id, kind, agent_id, lane, ordered, name, state, due_at, epoch, attempt_count,
      created_at, finished_at, last_error) VALUES (?, ?, ?, ?, ?, ?, 't', ?, ?, 1, 1, ?, ?, ?)`);
  const fail = db.prepare(
    'INSERT INTO failures (seq, state, agent_id, error_class) VALUES (?, ?, ?, ?)',
  );
  for (let n = 1; n <= size; n += 1) {
    const { kind, state, errorClass, agentId, at } = row(n, size);
    const ended = state === 'scheduled' ? null : at;
    const lane = `${kind}:${agentId}`;
    insert.run(
      n,
      `id-${String(n)}`,
      kind,
      agentId,
      lane,
      kind === 'task' ? 0 : 1,
      state,
      at,
      at,
      ended,
      errorClass,
    );
    if (state === 'dead' || state === 'cancelled') fail.run(n, state, agentId, errorClass);
  }
  db.exec('COMMIT');
  db.close();
  const store = openSqliteStore(path);
  const close = async () => {
    await store.close();
    rmSync(dir, { recursive: true });
  };
  return { store, close };
}

async function postgres(url: string, size: number): Promise<Target> {
  await (await openPostgresStore(url)).store.close();
  const client = new pg.Client(url);
  await client.connect();
  const STEP = 10_000;
  for (let from = 1; from <= size; from += STEP) {
    const rows = Array.from({ length: Math.min(STEP, size - from + 1) }, (_, i) => ({
      n: from + i,
      ...row(from + i, size),
    }));
    await client.query(
      `WITH given AS MATERIALIZED (SELECT * FROM json_to_recordset($1) AS r
        (n bigint, kind text, state text, "errorClass" text, "agentId" text, at bigint)),
      stored AS (
        INSERT INTO deliveries (seq, id, kind, agent_id, name, state, attempt_count, created_at, finished_at, last_error)
        SELECT n, 'id-' || n, kind, "agentId", 't', state, 1, at, CASE WHEN state <> 'scheduled' THEN at END, "errorClass" FROM given),
      waiting AS (
        INSERT INTO schedule (seq, due_at, epoch, bytes, ordered, lane)
        SELECT n, at, 1, 1, kind <> 'task', kind || ':' || "agentId" FROM given WHERE state = 'scheduled')
      INSERT INTO undelivered (seq, state, agent_id, error_class)
      SELECT n, state, "agentId", "errorClass" FROM given WHERE state IN ('dead', 'cancelled')`,
      [JSON.stringify(rows)],
    );
  }
  await client.query('VACUUM ANALYZE');
  await client.end();
  const { store } = await openPostgresStore(url);
  return { store, close: () => store.close() };
}

const pages: Readonly<Record<string, (size: number) => DeliveryFilter>> = {
  'no filter': () => ({}),
  'kind webhook': () => ({ kind: 'webhook' }),
  'kind task': () => ({ kind: 'task' }),
  'state delivered': () => ({ state: 'delivered' }),
  'state dead': () => ({ state: 'dead' }),
  'state cancelled': () => ({ state: 'cancelled' }),
  'state scheduled': () => ({ state: 'scheduled' }),
  agent: () => ({ agentId: 'agent-42' }),
  'error class': () => ({ errorClass: 'timeout' }),
  'an hour in the middle': (size) => ({
    since: acceptedAt(size / 2, size),
    until: acceptedAt(size / 2, size) + 3_600_000,
  }),
  'agent, dead': () => ({ agentId: 'agent-3', state: 'dead' }),
  'agent, webhooks': () => ({ agentId: 'agent-7', kind: 'webhook' }),
  'agent, scheduled': () => ({ agentId: 'agent-away', state: 'scheduled' }),
  'dead, of a class': () => ({ state: 'dead', errorClass: 'timeout' }),
  'dead, of an hour': (size) => ({
    state: 'dead',
    since: acceptedAt(size / 2, size),
    until: acceptedAt(size / 2, size) + 3_600_000,
  }),
  'dead webhooks, which are none': () => ({ state: 'dead', kind: 'webhook' }),
  'agent, cancelled, which are none': () => ({ agentId: 'agent-42', state: 'cancelled' }),
  'agent, of a class, which are none': () => ({ agentId: 'agent-42', errorClass: 'timeout' }),
};

const median = (values: number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

/** The first page; and how many of them until the end is known, where it is short. */
async function measure(target: Target, filter: DeliveryFilter) {
  const startedAt = performance.now();
  const { items, next } = await target.store.deliveries.list(filter, { limit: PAGE, before: null });
  return {
    ms: performance.now() - startedAt,
    found: items.length,
    short: next !== null && items.length < PAGE,
  };
}

async function compare(name: string, targets: readonly Target[]): Promise<void> {
  console.log(
    `\n${name}\n\n| page of ${String(PAGE)} | ${SIZES.map((n) => n.toLocaleString('en')).join(' | ')} | ratio | found |`,
  );
  console.log('| --- | ---: | ---: | ---: | ---: |');
  for (const [what, filterOf] of Object.entries(pages)) {
    const times = targets.map((): number[] => []);
    let found = '';
    for (let round = 0; round < ROUNDS * 5; round += 1) {
      for (const [at, target] of targets.entries()) {
        const measured = await measure(target, filterOf(SIZES[at] ?? 0));
        times[at]?.push(measured.ms);
        found = `${String(measured.found)}${measured.short ? ', goes on' : ''}`;
      }
    }
    const [few = Number.NaN, many = Number.NaN] = times.map(median);
    console.log(
      `| ${what} | ${few.toFixed(2)} | ${many.toFixed(2)} | ${(many / few).toFixed(2)} | ${found} |`,
    );
  }
}

const only = process.argv[2];
if (only !== 'postgres') {
  const targets = await Promise.all(SIZES.map(sqlite));
  await compare('SQLite', targets);
  for (const target of targets) await target.close();
}
if (only !== 'sqlite') {
  const server = await startPostgres();
  const targets: Target[] = [];
  for (const size of SIZES) {
    const client = new pg.Client(server.url('postgres'));
    await client.connect();
    await client.query(`CREATE DATABASE bench_${String(size)}`);
    await client.end();
    targets.push(await postgres(server.url(`bench_${String(size)}`), size));
  }
  await compare('PostgreSQL', targets);
  for (const target of targets) await target.close();
  await server.remove();
}
