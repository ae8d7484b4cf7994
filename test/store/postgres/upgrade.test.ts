import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { expect, it, onTestFinished } from 'vitest';
import { readMigrations } from '../../../src/store/migrations.ts';
import { detectMode } from '../../../src/store/postgres/connection.ts';
import { migrate, MIGRATIONS } from '../../../src/store/postgres/migrate.ts';
import { anAttempt } from '../../helpers/records.ts';
import { claimAt, insertTask } from '../../helpers/store.ts';
import { emptyDatabase, query } from '../../helpers/postgres.ts';
import { aTask, openReplica, register, type OpenReplica } from './steps.ts';

/** What a newer version's migration may add beside a version that knows nothing of it. */
const ADDED = [
  'ALTER TABLE agents ADD COLUMN added_note text',
  "ALTER TABLE deliveries ADD COLUMN added_mark text DEFAULT 'x'",
  'ALTER TABLE schedule ADD COLUMN added_number bigint NOT NULL DEFAULT 0',
  'ALTER TABLE attempts ADD COLUMN added_note text',
  'ALTER TABLE api_keys ADD COLUMN added_note text',
  'ALTER TABLE agent_events ADD COLUMN added_note text',
  'ALTER TABLE idempotency_keys ADD COLUMN added_note text',
  'CREATE TABLE added_table (id bigint PRIMARY KEY)',
  'CREATE INDEX added_index ON deliveries (created_at)',
];

/** Everything that a replica asks of the database, each statement prepared. */
async function useEverything({ store, clock }: OpenReplica): Promise<void> {
  const agent = await register({ store, clock }, { leaseSeconds: 60 });
  const { agentId } = agent;
  await store.agents.get(agentId);
  await store.agents.list({}, { limit: 10, after: null });
  await store.agents.heartbeat(agentId, clock.now());
  await store.agents.listEvents(0, 10);
  const name = randomUUID();
  await store.keys.insert({
    ...{ name, scope: 'read', hash: randomUUID(), prefix: 'p' },
    ...{ createdAt: clock.now(), previousUntil: null },
  });
  await store.keys.list();
  await store.keys.findByHash('none', clock.now());
  await store.keys.rotate(name, { hash: randomUUID(), prefix: 'p', previousUntil: clock.now() });
  const task = aTask(agentId, clock.now());
  const idempotency = { key: randomUUID(), bodyHash: 'h' };
  expect(await insertTask(store, task, { idempotency })).toMatchObject({
    outcome: 'inserted',
  });
  const { deliveries } = await claimAt(store, clock.now() + 1_000);
  const [held] = deliveries.filter(({ id }) => id === task.id);
  if (held === undefined) throw new Error('the task is claimed');
  expect(
    await store.outbox.complete({
      ...{ seq: held.seq, epoch: held.epoch, lane: held.lane, lastError: null },
      ...{ attempt: anAttempt(), state: 'delivered', finishedAt: clock.now() },
    }),
  ).toBe('done');
  expect((await store.tasks.get(task.id))?.attempts).toHaveLength(1);
  await store.tasks.listOfAgent(agentId, { limit: 10, before: null });
  await store.tasks.cancel(task.id, clock.now());
  await store.outbox.prune({ finishedBefore: 0, deadBefore: 0, limit: 10, cursor: 0 });
  await store.agents.pruneEvents(0, 10);
  await store.agents.remove(agentId, {
    ...{ at: clock.now(), limit: 10, applies: () => true, reportOf: () => undefined },
    ...{ tasks: { state: 'cancelled', lastError: 'x' }, webhookOf: () => undefined },
  });
}

it('a replica goes on beside a newer version that has added to the schema', async () => {
  const url = await emptyDatabase();
  const replica = await openReplica(url);
  await useEverything(replica);
  for (const added of ADDED) {
    await query(url, added);
    await useEverything(replica);
  }
});

it('a migration waits for a backup that holds a table, and keeps nobody waiting behind it', async () => {
  const url = await emptyDatabase();
  const replica = await openReplica(url);
  await useEverything(replica);
  const backup = new pg.Client(url);
  await backup.connect();
  onTestFinished(() => backup.end());
  await backup.query('BEGIN');
  await backup.query('SELECT count(*) FROM agents');
  const { mode } = await detectMode(url);
  const next = { sql: 'ALTER TABLE agents ADD COLUMN added text', expands: true };
  let migrated = false;
  const migrating = migrate(url, mode, async () => undefined, [
    ...readMigrations(MIGRATIONS),
    next,
  ]).then(() => (migrated = true));
  // Longer than the migration waits for the lock at a time.
  const start = performance.now();
  while (performance.now() - start < 2_500) await useEverything(replica);
  expect(migrated).toBe(false);
  await backup.query('COMMIT');
  await migrating;
  await useEverything(replica);
});

it('a migration that meets a replica crosswise is tried again', async () => {
  const url = await emptyDatabase();
  const { mode } = await detectMode(url);
  const worker = new pg.Client(url);
  await worker.connect();
  onTestFinished(() => worker.end());
  await worker.query("SET deadlock_timeout = '10s'");
  await worker.query('BEGIN');
  await worker.query('LOCK TABLE lanes IN ROW EXCLUSIVE MODE');
  const sql = 'ALTER TABLE agents ADD COLUMN added text; ALTER TABLE lanes ADD COLUMN added text';
  // Sooner than the lock timeout: of the two it is the migration that notices.
  const impatient = { sql: `SET LOCAL deadlock_timeout = '50ms'; ${sql}`, expands: true };
  const migrating = migrate(url, mode, async () => undefined, [
    ...readMigrations(MIGRATIONS),
    impatient,
  ]);
  const waiting =
    "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
  while ((await query(url, waiting)).length === 0);
  await worker.query('SELECT count(*) FROM agents').catch(() => undefined);
  await worker.query('COMMIT');
  await migrating;
  expect(await query(url, 'SELECT a.added, l.added FROM agents a, lanes l')).toEqual([]);
});
