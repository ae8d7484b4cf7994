import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, it, onTestFinished } from 'vitest';
import { openSqlite } from '../../helpers/open-store.ts';
import { anAgent } from '../../helpers/records.ts';
import { claimAt, insertAgent } from '../../helpers/store.ts';
import { tempDir } from '../../helpers/temp-dir.ts';

const MIGRATIONS = join(import.meta.dirname, '../../../src/store/sqlite/migrations');

it('a file of the first version is opened with all that failed in it, and that can be sent again', async () => {
  const path = join(tempDir(), 'agentkit.db');
  const old = new DatabaseSync(path);
  old.exec(readFileSync(join(MIGRATIONS, '0001_initial.sql'), 'utf8'));
  old.exec(`
    PRAGMA user_version = 1;
    INSERT INTO deliveries (seq, id, kind, agent_id, lane, ordered, name, state, due_at, epoch, attempt_count, created_at,
      finished_at, last_error)
    VALUES (1, 'delivered', 'task', 'a', 'task:a', 0, 't', 'delivered', 0, 1, 1, 1000, 1500, NULL),
      (2, 'late', 'task', 'a', 'task:a', 0, 't', 'dead', 0, 2, 2, 1000, 1500, 'unreachable'),
      (3, 'left', 'task', 'b', 'task:b', 0, 't', 'cancelled', 0, 0, 0, 1000, 1500, 'agent_deregistered'),
      (4, 'waits', 'task', 'a', 'task:a', 0, 't', 'scheduled', 9000, 1, 1, 1000, NULL, 'http_503'),
      (5, 'fresh', 'task', 'a', 'task:a', 0, 't', 'scheduled', 9000, 0, 0, 1000, NULL, NULL);
    INSERT INTO payloads (seq, body) SELECT seq, CAST('x' AS BLOB) FROM deliveries;
    INSERT INTO attempts (seq, number, started_at, duration_ms, outcome, status_code, error_class)
    VALUES (1, 1, 1000, 5, 'delivered', 200, NULL), (2, 1, 1000, 5, 'retry', 503, 'http_status'),
      (2, 2, 1000, 5, 'failed', NULL, 'dns'), (4, 1, 1000, 5, 'retry', 503, 'http_status');
    INSERT INTO lanes (lane, due_at) VALUES ('task:a', 9000);`);
  old.close();

  const store = openSqlite(path);
  onTestFinished(() => store.close());
  const { items } = await store.deliveries.list({}, { limit: 10, before: null });
  expect(items.map(({ id, errorClass }) => `${id} ${errorClass}`)).toEqual([
    'fresh null',
    'waits http_status',
    'left agent_deregistered',
    'late dns',
    'delivered null',
  ]);
  const dead = await store.deliveries.list({ state: 'dead' }, { limit: 10, before: null });
  expect(dead.items.map(({ id }) => id)).toEqual(['late']);
  expect((await store.deliveries.get('late'))?.attempts).toMatchObject([
    { number: 1, connectedMs: null, answeredMs: null, spanId: null },
    { number: 2, errorClass: 'dns' },
  ]);

  await insertAgent(store, anAgent({ agentId: 'a' }));
  expect(await store.deliveries.retry('late', { now: 2_000, force: false })).toBe('scheduled');
  const { deliveries } = await claimAt(store, 2_000);
  expect(deliveries).toMatchObject([{ id: 'late', epoch: 3, attemptCount: 2, unburntCount: 2 }]);
});
