// What a task costs the database, on SQLite and on PostgreSQL: bytes on disk, bytes written, statements, connections.
//
//   node bench/footprint.ts            20,000 tasks of 300 bytes at full load, and 2,000 at 200 a second, on each store
//
// The service runs as a process of its own; PostgreSQL is that of the tests, with fsync on.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import pg from 'pg';
import { Agent, request } from 'undici';
import { startPostgres } from '../test/helpers/postgres-server.ts';

const TASKS = Number(process.env['BENCH_TASKS'] ?? '20000');
const SLOW_TASKS = TASKS / 10;
const SLOW_RATE = 200;
const AGENTS = 20;
const BODY = JSON.stringify({ task_name: 'bench', parameters: { text: 'x'.repeat(255) } });

const http = new Agent({ connections: 64, pipelining: 1 });
const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

interface Counters {
  /** Bytes on disk for the database. */
  readonly size: number;
  /** Bytes written ahead: by the service's process, or as WAL. */
  readonly written: number;
  readonly statements: number;
  readonly transactions: number;
}

interface Subject {
  readonly name: string;
  readonly databaseUrl: string;
  counters(pid: number): Promise<Counters>;
  connections(): Promise<number>;
  settle(): Promise<void>;
}

async function post(url: string, body: string): Promise<Record<string, unknown>> {
  const answer = await request(url, {
    method: 'POST',
    dispatcher: http,
    headers: { 'content-type': 'application/json' },
    body,
  });
  const json = (await answer.body.json()) as { data: Record<string, unknown> };
  // Shedding load: a machine that is busy with something else.
  if (answer.statusCode === 503) {
    await sleep(1_000);
    return post(url, body);
  }
  if (answer.statusCode >= 300) throw new Error(`${url}: ${String(answer.statusCode)}`);
  return json.data;
}

async function measure(subject: Subject): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'agentkit-footprint-'));
  const state = { received: 0, up: true };
  const agent = createServer((incoming, response) => {
    incoming.resume().on('end', () => {
      if (state.up) state.received += 1;
      response.writeHead(state.up ? 202 : 500).end();
    });
  });
  await new Promise<void>((resolve) => agent.listen(0, '127.0.0.1', resolve));
  const endpoint = `http://127.0.0.1:${(agent.address() as AddressInfo).port}/`;
  const child = spawn(process.execPath, [join(import.meta.dirname, '../src/server.ts')], {
    cwd: dir,
    env: {
      PATH: process.env['PATH'] ?? '',
      PORT: '0',
      DATABASE_URL: subject.databaseUrl,
      TASK_RETRY_SCHEDULE: '365d',
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    let url = '';
    const lines = createInterface({ input: child.stdout });
    await new Promise<void>((resolve) => {
      lines.on('line', (line) => {
        const ready = /"url":"([^"]+)".*the service is ready/.exec(line)?.[1];
        if (ready === undefined) return;
        url = ready;
        resolve();
      });
    });
    const agentIds: unknown[] = [];
    for (let n = 0; n < AGENTS; n += 1) {
      const body = { agentName: `a${n}`, version: '1', contactEndpoint: endpoint };
      agentIds.push((await post(`${url}/v1/agents/register`, JSON.stringify(body)))['agentId']);
    }
    const run = (n: number) => post(`${url}/v1/agents/${String(agentIds[n % AGENTS])}/run`, BODY);
    const pid = child.pid ?? 0;
    const report = async (what: string, tasks: number, work: () => Promise<void>) => {
      await subject.settle();
      const before = await subject.counters(pid);
      const start = performance.now();
      await work();
      const rate = tasks / ((performance.now() - start) / 1_000);
      await sleep(1_500);
      await subject.settle();
      const after = await subject.counters(pid);
      const per = (counter: keyof Counters) => (after[counter] - before[counter]) / tasks;
      console.log(
        `${subject.name}, ${what}: ${rate.toFixed(0)}/s, on disk ${per('size').toFixed(0)} B, written ${per('written').toFixed(0)} B, ` +
          `statements ${per('statements').toFixed(2)}, transactions ${per('transactions').toFixed(2)} a task; ` +
          `connections ${await subject.connections()}`,
      );
    };
    const arrived = async (wanted: number) => {
      while (state.received < wanted) await sleep(5);
    };
    const parallel = (tasks: number) => async () => {
      let next = 0;
      const wanted = state.received + tasks;
      await Promise.all(
        Array.from({ length: 64 }, async () => {
          while (next < tasks) await run(next++);
        }),
      );
      if (state.up) await arrived(wanted);
    };
    await parallel(TASKS / 10)();
    await report('idle for 10 s (per second)', 10, () => sleep(10_000));
    await report(`${SLOW_RATE}/s, delivered`, SLOW_TASKS, async () => {
      const wanted = state.received + SLOW_TASKS;
      const pending: Promise<unknown>[] = [];
      for (let n = 0; n < SLOW_TASKS; n += 1) {
        pending.push(run(n));
        await sleep(1_000 / SLOW_RATE);
      }
      await Promise.all(pending);
      await arrived(wanted);
    });
    await report('full load, delivered', TASKS, parallel(TASKS));
    state.up = false;
    await report('full load, waiting after one attempt', TASKS, parallel(TASKS));
  } finally {
    child.kill('SIGKILL');
    agent.closeAllConnections();
    agent.close();
    rmSync(dir, { recursive: true, force: true });
  }
}

function onSqlite(dir: string): Subject {
  const path = join(dir, 'agentkit.db');
  return {
    name: 'SQLite',
    databaseUrl: `sqlite:${path}`,
    counters: async (pid) => ({
      size: statSync(path).size + statSync(`${path}-wal`).size,
      written: Number(/^write_bytes: (\d+)/m.exec(readFileSync(`/proc/${pid}/io`, 'utf8'))?.[1]),
      statements: Number.NaN,
      transactions: Number.NaN,
    }),
    connections: async () => 1,
    settle: async () => undefined,
  };
}

function onPostgres(url: string, client: pg.Client): Subject {
  const value = async (text: string) =>
    Number((await client.query<Record<string, unknown>>(text)).rows[0]?.['value']);
  const ours = "WHERE s.query NOT LIKE '%pg_stat%'";
  return {
    name: 'PostgreSQL',
    databaseUrl: url,
    counters: async () => ({
      size: await value('SELECT pg_database_size(current_database()) AS value'),
      written: await value("SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0') AS value"),
      statements: await value(`SELECT sum(calls) AS value FROM pg_stat_statements s ${ours}`),
      transactions: await value(
        'SELECT xact_commit AS value FROM pg_stat_database WHERE datname = current_database()',
      ),
    }),
    connections: () =>
      value("SELECT count(*) AS value FROM pg_stat_activity WHERE application_name = 'agentkit'"),
    settle: async () => {
      await client.query('CHECKPOINT');
    },
  };
}

const dir = mkdtempSync(join(tmpdir(), 'agentkit-footprint-'));
try {
  await measure(onSqlite(dir));
} finally {
  rmSync(dir, { recursive: true, force: true });
}
const server = await startPostgres([
  'fsync=on',
  'max_wal_size=4GB',
  'shared_preload_libraries=pg_stat_statements',
]);
const client = new pg.Client(server.url('postgres'));
try {
  await client.connect();
  await client.query('CREATE EXTENSION pg_stat_statements');
  await measure(onPostgres(server.url('postgres'), client));
} finally {
  await client.end();
  await server.remove();
  await http.close();
}
