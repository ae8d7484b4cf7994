import pg from 'pg';
import { expect, it, onTestFinished } from 'vitest';
import { readMigrations } from '../../../src/store/migrations.ts';
import { detectMode } from '../../../src/store/postgres/connection.ts';
import { Database, sql } from '../../../src/store/postgres/database.ts';
import { migrate, MIGRATIONS } from '../../../src/store/postgres/migrate.ts';
import { anAttempt } from '../../helpers/records.ts';
import { bareDatabase, query } from '../../helpers/postgres.ts';
import { claim, delivered, insert, openReplica, register } from './steps.ts';

// What 0002_deliveries.sql says of itself: a version that knows the first migration alone works on beside it.

const READ = {
  task: sql(
    'tasks_get',
    'SELECT d.*, s.due_at, s.lease_owner FROM deliveries d LEFT JOIN schedule s ON s.seq = d.seq WHERE d.id = $1',
  ),
  attempts: sql(
    'tasks_attempts',
    'SELECT a.* FROM deliveries d JOIN attempts a ON a.seq = d.seq WHERE d.id = $1 ORDER BY a.number',
  ),
};

const WRITE = {
  complete: sql(
    'complete',
    `WITH ended AS (DELETE FROM schedule s WHERE s.seq = $1 RETURNING s.seq),
    recorded AS (
      UPDATE deliveries d SET state = $2, attempt_count = d.attempt_count + 1, last_error = $3, finished_at = 2000
      FROM ended h WHERE d.seq = h.seq),
    attempted AS (
      INSERT INTO attempts (seq, number, started_at, duration_ms, outcome, status_code, error_class, response_excerpt)
      SELECT seq, 1, 1000, 5, 'failed', NULL, 'timeout', NULL FROM ended)
    SELECT seq FROM ended`,
  ),
  prune: sql(
    'prune_remove',
    'WITH a AS (DELETE FROM attempts t WHERE t.seq = $1) DELETE FROM deliveries t WHERE t.seq = $1',
  ),
};

/** A database as the first version left it, with three deliveries; the third is a dead letter. */
async function firstVersion(): Promise<string> {
  const url = await bareDatabase();
  const { mode } = await detectMode(url);
  await migrate(url, mode, async () => undefined, readMigrations(MIGRATIONS).slice(0, 1));
  await query(
    url,
    `INSERT INTO deliveries (id, kind, agent_id, name, state, created_at)
    SELECT 'old-' || n, 'task', 'a', 't', 'scheduled', 1000 FROM generate_series(1, 3) n;
    INSERT INTO payloads (seq, body) SELECT seq, 'x' FROM deliveries;
    INSERT INTO schedule (seq, due_at, epoch, bytes, ordered, lane, lease_owner)
    SELECT seq, 1000, 1, 1, false, 'task:a', 'old' FROM deliveries WHERE id <> 'old-3';
    UPDATE deliveries SET state = 'dead', last_error = 'http_503', attempt_count = 1, finished_at = 1500 WHERE id = 'old-3';
    INSERT INTO attempts SELECT seq, 1, 1000, 5, 'failed', 503, 'http_status', 'no' FROM deliveries WHERE id = 'old-3';`,
  );
  return url;
}

it('a replica of the first version goes on beside this one, and what it records is found', async () => {
  const url = await firstVersion();
  const { mode } = await detectMode(url);
  const old = new Database(url, mode);
  onTestFinished(() => old.close());
  const complete = (seq: number) => old.write(WRITE.complete, [seq, 'dead', 'unreachable']);
  const prune = (seq: number) => old.write(WRITE.prune, [seq]);
  // Prepared before the migration; those that write, with a row that is not there.
  await old.read(READ.task, ['old-1']);
  await old.read(READ.attempts, ['old-1']);
  await complete(-1);
  await prune(-1);

  const { store } = await openReplica(url);
  const dead = async () =>
    (await store.deliveries.list({ state: 'dead' }, { limit: 10, before: null })).items.map(
      ({ id, errorClass }) => `${id} ${errorClass}`,
    );
  expect(await dead()).toEqual(['old-3 http_status']);
  expect(await complete(2)).toHaveLength(1);
  expect(await dead()).toEqual(['old-3 http_status', 'old-2 timeout']);
  expect(await old.read(READ.task, ['old-2'])).toMatchObject([{ state: 'dead' }]);
  expect(await old.read(READ.attempts, ['old-2'])).toMatchObject([{ error_class: 'timeout' }]);
  expect((await store.deliveries.get('old-2'))?.attempts).toMatchObject([
    { errorClass: 'timeout', connectedMs: null, spanId: null },
  ]);
  await prune(3);
  expect(await dead()).toEqual(['old-2 timeout']);
  expect(await query(url, 'SELECT seq FROM undelivered')).toEqual([{ seq: '2' }]);
});

it('a dead letter that the first version recorded is sent again, under an epoch of its own', async () => {
  const url = await firstVersion();
  const replica = await openReplica(url);
  const agent = await register(replica, { agentId: 'a' });
  const now = replica.clock.now();
  expect(await replica.store.deliveries.retry('old-3', { now, force: false })).toBe('scheduled');
  const { deliveries } = await claim(replica, { capacityOf: () => 5 });
  const held = deliveries.find(({ id }) => id === 'old-3');
  if (held === undefined) throw new Error('it is not claimed');
  expect(held.epoch).toBeGreaterThan(1_000);
  const end = delivered(held, now);
  expect(await replica.store.outbox.complete({ ...end, attempt: anAttempt({ number: 2 }) })).toBe(
    'done',
  );
  expect(await replica.store.deliveries.get('old-3')).toMatchObject({
    record: { state: 'delivered', agentId: agent.agentId },
    attempts: [{ number: 1 }, { number: 2 }],
  });
});

it('is done while a replica of the first version is at work', async () => {
  const url = await firstVersion();
  const state = { working: true, done: 0 };
  const work = async () => {
    const client = new pg.Client(url);
    await client.connect();
    while (state.working) {
      // A deadlock may hit this one instead of the migration: a replica tries again.
      try {
        await client.query('BEGIN');
        await client.query('UPDATE deliveries SET attempt_count = attempt_count WHERE seq = 1');
        await client.query(
          "INSERT INTO lanes (lane, due_at) VALUES ('l', 1) ON CONFLICT (lane) DO UPDATE SET due_at = 1",
        );
        await client.query('COMMIT');
        state.done += 1;
      } catch {
        await client.query('ROLLBACK');
      }
    }
    await client.end();
  };
  const working = Promise.all([work(), work(), work()]);
  const replica = await openReplica(url);
  const { agentId } = await register(replica);
  await insert(replica, agentId);
  state.working = false;
  await working;
  expect(state.done).toBeGreaterThan(0);
  expect(await query(url, 'SELECT version FROM schema_version')).toEqual([{ version: 2 }]);
});
