import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import pg from 'pg';
import { describe, expect, it, onTestFinished } from 'vitest';
import { move, type MoveOutcome } from '../../src/store/move.ts';
import { openSource, openTarget } from '../../src/store/open-transfer.ts';
import { UNCARRIED } from '../../src/store/postgres/transfer-tables.ts';
import { createSecretBox } from '../../src/store/secret-box.ts';
import { carriedTables } from '../../src/store/transfer.ts';
import type { DatabaseUrl } from '../../src/config/parse.ts';
import type { Store } from '../../src/store/store.ts';
import { bareDatabase, emptyDatabase, query } from '../helpers/postgres.ts';
import { aDelivery, anAgent } from '../helpers/records.ts';
import { claimAt, insertAgent, insertTask, updateAgent } from '../helpers/store.ts';
import { exemptDatabase } from '../leaks/exempt.ts';
import { tempDir } from '../helpers/temp-dir.ts';
import { claimIds, failAll, NOW, registered, waiting } from './contract/steps.ts';
import { fillSqlite, rowsOfPostgres, rowsOfSqlite } from './random-rows.ts';
import { openPostgres, openSqlite } from '../helpers/open-store.ts';
import { unfilledOfPostgres, unfilledOfSqlite } from './schema-columns.ts';

/** What is moved without a key. */
const OPEN = { encryptionKeys: [] };

const sqlite = (path: string): DatabaseUrl => {
  exemptDatabase(path);
  return { kind: 'sqlite', path };
};
const postgres = (url: string): DatabaseUrl => ({ kind: 'postgres', url });

async function moved(
  from: DatabaseUrl,
  to: DatabaseUrl,
  keys: readonly Buffer[] = [],
): Promise<MoveOutcome> {
  const source = await openSource(from);
  try {
    const target = await openTarget(to);
    try {
      return await move(source, target, {
        box: createSecretBox(keys),
        onProgress: () => undefined,
        onCheck: () => undefined,
      });
    } finally {
      await target.close();
    }
  } finally {
    await source.close();
  }
}

async function aFile(rows: number): Promise<string> {
  const path = join(tempDir(), 'agentkit.db');
  await openSqlite(path, OPEN).close();
  fillSqlite(path, rows);
  return path;
}

function isDropped(column: string): boolean {
  const { dropped } = UNCARRIED;
  return column in dropped || column.replace(/\..*/, '.*') in dropped;
}

describe('a move of random rows', () => {
  it('carries every column of every row, there and back', async () => {
    const path = await aFile(1_500);
    const url = await bareDatabase();
    expect(unfilledOfSqlite(path)).toEqual([]);
    expect(await moved(sqlite(path), postgres(url))).toMatchObject({ outcome: 'moved' });
    const original = rowsOfSqlite(path);
    expect(await rowsOfPostgres(url)).toEqual(original);
    const unfilled = await unfilledOfPostgres(url);
    expect(unfilled.filter((column) => !isDropped(column))).toEqual([]);

    const back = join(tempDir(), 'back.db');
    expect(await moved(postgres(url), sqlite(back))).toMatchObject({ outcome: 'moved' });
    expect(rowsOfSqlite(back)).toEqual(original);
  });

  it('leaves the source as it was', async () => {
    const path = await aFile(50);
    const before = rowsOfSqlite(path, { raw: true });
    await moved(sqlite(path), postgres(await bareDatabase()));
    expect(rowsOfSqlite(path, { raw: true })).toEqual(before);
  });

  it('goes on numbering where the source was', async () => {
    const path = await aFile(50);
    const url = await bareDatabase();
    await moved(sqlite(path), postgres(url));
    const [{ seq } = {}] = await query(url, 'SELECT max(seq)::int AS seq FROM deliveries');
    const [{ next } = {}] = await query(url, "SELECT nextval('deliveries_seq_seq')::int AS next");
    expect(next).toBe((seq as number) + 1);
    const db = new DatabaseSync(path);
    const last = db.prepare('SELECT seq FROM sqlite_sequence').get()?.['seq'] as number;
    db.close();
    const { store } = await openPostgres(url, OPEN);
    onTestFinished(() => store.close());
    expect(await store.agents.lastEvent()).toBe(last);
    expect(await insertAgent(store, anAgent(), { event: 'registered' })).toMatchObject({
      revision: last + 1,
    });
  });

  it('said again finds everything there, and writes nothing', async () => {
    const path = await aFile(50);
    const url = await bareDatabase();
    await moved(sqlite(path), postgres(url));
    expect(await moved(sqlite(path), postgres(url))).toMatchObject({ outcome: 'already_there' });
    await query(
      url,
      "UPDATE payloads SET body = 'another' WHERE seq = (SELECT max(seq) FROM payloads)",
    );
    expect(await moved(sqlite(path), postgres(url))).toMatchObject({
      outcome: 'not_empty',
      contents: { payloads: 50, deliveries: 50 },
    });
  });
});

const open = async (database: DatabaseUrl): Promise<Store> =>
  database.kind === 'sqlite'
    ? openSqlite(database.path, OPEN)
    : (await openPostgres(database.url, OPEN)).store;

it.each(['from SQLite', 'from PostgreSQL'])(
  'dead letters, a replay and a pause %s go on',
  async (name) => {
    const ends = [sqlite(join(tempDir(), 'agentkit.db')), postgres(await bareDatabase())] as const;
    const [source, target] = name === 'from SQLite' ? ends : ([ends[1], ends[0]] as const);
    const before = await open(source);
    const [agent, pausedAgent] = [await registered(before), await registered(before)];
    for (let i = 0; i < 5; i += 1) await waiting(before, agent);
    const dead = await failAll(before, { errorClass: 'timeout', statusCode: null });
    await waiting(before, pausedAgent);
    await updateAgent(before, pausedAgent.agentId, { pausedAt: NOW }, { event: 'status' });
    const id = 'replay';
    const filter = { errorClass: 'timeout' };
    await before.replays.insert({ id, filter, createdAt: NOW, createdBy: 'ops', total: 5 });
    await before.replays.step(id, { now: NOW, limit: 2 });
    const page = { limit: 10, before: null };
    const known = async (store: Store) => ({
      replay: await store.replays.get(id),
      agent: await store.agents.get(pausedAgent.agentId),
      // Those that are scheduled again, and those that are not yet.
      failed: (await store.deliveries.list(filter, page)).items,
      dead: (await store.deliveries.list({ state: 'dead' }, page)).items,
      letter: await store.deliveries.get(dead.at(-1) as string),
    });
    const original = await known(before);
    expect(original).toMatchObject({ agent: { pausedAt: NOW }, failed: { length: 5 } });
    await before.close();
    expect(await moved(source, target)).toMatchObject({ outcome: 'moved' });

    const after = await open(target);
    onTestFinished(() => after.close());
    expect(await known(after)).toEqual(original);
    expect(await after.replays.step(id, { now: NOW, limit: 5 })).toMatchObject({
      replay: { state: 'done', replayed: 5, skipped: 0 },
    });
    expect((await claimIds(after)).sort()).toEqual(dead.sort());
    expect((await after.deliveries.list({ state: 'dead' }, page)).items).toEqual([]);
    await updateAgent(after, pausedAgent.agentId, { pausedAt: null, updatedAt: NOW });
    expect(await claimIds(after)).toHaveLength(1);
  },
);

describe('a move to PostgreSQL', () => {
  it('takes a database on which a service was started and stopped', async () => {
    const url = await emptyDatabase();
    const { store } = await openPostgres(url, OPEN);
    await store.firstSeen('OPSCORE_WEBHOOK_SECRET', 'other', 1);
    await store.check();
    await store.close();
    const path = await aFile(20);
    expect(await moved(sqlite(path), postgres(url))).toMatchObject({ outcome: 'moved' });
    expect(await rowsOfPostgres(url)).toEqual(rowsOfSqlite(path));
  });

  it('refuses one on which a service runs', async () => {
    const url = await emptyDatabase();
    const { store } = await openPostgres(url, OPEN);
    onTestFinished(() => store.close());
    await expect(moved(sqlite(await aFile(5)), postgres(url))).rejects.toThrow(
      /a service runs on it/,
    );
  });

  it('keeps a service that starts on it waiting until it is done', async () => {
    const url = await bareDatabase();
    const target = await openTarget(postgres(url));
    let started = false;
    const starting = openPostgres(url, OPEN).then(({ store }) => {
      started = true;
      return store;
    });
    const source = await openSource(sqlite(await aFile(500)));
    await move(source, target, {
      box: createSecretBox([]),
      onProgress: () => expect(started).toBe(false),
      onCheck: () => expect(started).toBe(false),
    });
    await target.close();
    await source.close();
    const store = await starting;
    onTestFinished(() => store.close());
    expect(await query(url, 'SELECT count(*)::int AS rows FROM deliveries')).toEqual([
      { rows: 500 },
    ]);
  });

  it('keeps nothing of what reads back otherwise than it was read', async () => {
    const url = await bareDatabase();
    const target = await openTarget(postgres(url));
    const source = await openSource(sqlite(await aFile(50)));
    const write = target.write.bind(target);
    // One bit of one body.
    target.write = (table, rows) =>
      write(
        table,
        table.name !== 'payloads'
          ? rows
          : rows.map((row, index) => (index === 7 ? [row[0] ?? 0, Buffer.from('x'), null] : row)),
      );
    const outcome = await move(source, target, {
      box: createSecretBox([]),
      onProgress: () => undefined,
      onCheck: () => undefined,
    });
    expect(outcome.outcome).toBe('differs');
    const differing = 'tables' in outcome ? outcome.tables.filter(({ equal }) => !equal) : [];
    expect(differing.map(({ table }) => table)).toEqual(['payloads']);
    await target.close();
    await source.close();
    expect(await query(url, "SELECT to_regclass('deliveries') AS deliveries")).toEqual([
      { deliveries: null },
    ]);
  });
});

it('what a replica had under a lease when it died is due at once, in PostgreSQL as in SQLite', async () => {
  const url = await emptyDatabase();
  const { store, clock } = await openPostgres(url, OPEN);
  const { agentId } = await insertAgent(store, anAgent());
  const now = clock.now();
  const lease = { owner: 'gone', until: now + 3_600_000 };
  const task = aDelivery(agentId, { createdAt: now, dueAt: now });
  expect(await insertTask(store, task, { lease })).toMatchObject({ leased: true });
  await store.close();
  const path = join(tempDir(), 'back.db');
  const there = await bareDatabase();
  expect(await moved(postgres(url), sqlite(path))).toMatchObject({ outcome: 'moved' });
  expect(await moved(postgres(url), postgres(there))).toMatchObject({ outcome: 'moved' });
  const { store: inPostgres } = await openPostgres(there, OPEN);
  for (const after of [openSqlite(path, OPEN), inPostgres]) {
    onTestFinished(() => after.close());
    const { deliveries } = await claimAt(after, now);
    expect(deliveries.map(({ id, epoch }) => [id, epoch])).toEqual([[task.id, 2]]);
  }
});

it('a move to SQLite that is cut off leaves nothing behind', async () => {
  const path = join(tempDir(), 'agentkit.db');
  const from = sqlite(await aFile(50));
  const target = await openTarget(sqlite(path));
  const source = await openSource(from);
  await target.begin();
  for (const table of carriedTables) {
    for await (const rows of source.read(table)) await target.write(table, rows);
  }
  await target.derive();
  await source.close();
  await target.close();
  expect(await moved(from, sqlite(path))).toMatchObject({ outcome: 'moved' });
});

describe('the source of a move', () => {
  it('is refused while a service runs on it, and no service starts on it meanwhile', async () => {
    const path = await aFile(5);
    const store = openSqlite(path, OPEN);
    await expect(openSource(sqlite(path))).rejects.toThrow(/in use by another process/);
    await store.close();
    const source = await openSource(sqlite(path));
    expect(() => openSqlite(path, { ...OPEN, lockWaitMs: 10 })).toThrow(
      /in use by another process/,
    );
    await source.close();
  });

  it('in PostgreSQL is refused while a service runs on it, and takes no write meanwhile', async () => {
    const url = await emptyDatabase();
    const { store } = await openPostgres(url, OPEN);
    await expect(openSource(postgres(url))).rejects.toThrow(/a service runs on it/);
    await store.close();
    const source = await openSource(postgres(url));
    const writer = new pg.Client(url);
    await writer.connect();
    onTestFinished(() => writer.end());
    await writer.query("SET lock_timeout = '50ms'");
    await expect(writer.query('INSERT INTO event_counter VALUES (1)')).rejects.toThrow(
      /lock timeout/,
    );
    await source.close();
    await writer.query('DELETE FROM event_counter WHERE false');
  });

  it('has to be there, and to be at this version', async () => {
    const path = join(tempDir(), 'agentkit.db');
    await expect(openSource(sqlite(path))).rejects.toThrow(/there is no database/);
    const older = new DatabaseSync(path);
    older.close();
    await expect(openSource(sqlite(path))).rejects.toThrow(
      /at migration 0, .* start the service on it once/,
    );
    await expect(openSource(postgres(await bareDatabase()))).rejects.toThrow(
      /nothing of the service/,
    );
  });

  it('keeps its secrets; the target has them as the current key seals them, and none in clear', async () => {
    const path = join(tempDir(), 'agentkit.db');
    const [key, older] = [randomBytes(32), randomBytes(32)];
    const previousSecret = { secret: 'whsec_before', until: 9, hexUntil: 8 };
    for (const [signingSecret, encryptionKeys] of [
      ['whsec_open', []],
      ['whsec_sealed', [older]],
    ] as const) {
      const store = openSqlite(path, { encryptionKeys });
      await insertAgent(
        store,
        anAgent({ agentName: signingSecret, signingSecret, previousSecret }),
      );
      await store.close();
    }
    // The first was stored in clear, and is so again.
    const clear = new DatabaseSync(path);
    clear.exec("UPDATE agents SET signing_secret = 'whsec_open' WHERE agent_name = 'whsec_open'");
    clear.close();
    const url = await bareDatabase();
    const keys = [key, older];
    expect(await moved(sqlite(path), postgres(url), keys)).toMatchObject({ outcome: 'moved' });
    for (const row of await query(url, 'SELECT signing_secret, previous_secret FROM agents')) {
      for (const stored of Object.values(row)) {
        expect(createSecretBox([key]).isCurrent(String(stored))).toBe(true);
      }
    }
    expect(await moved(sqlite(path), postgres(url), keys)).toMatchObject({
      outcome: 'already_there',
    });
    const { store } = await openPostgres(url, { encryptionKeys: [key] });
    onTestFinished(() => store.close());
    const { items } = await store.agents.list({}, { limit: 9, after: null });
    expect(items.map((agent) => [agent.signingSecret, agent.previousSecret])).toEqual([
      ['whsec_open', previousSecret],
      ['whsec_sealed', previousSecret],
    ]);
  });

  it('is refused when the key does not open its secrets', async () => {
    const path = join(tempDir(), 'agentkit.db');
    const [key, other] = [randomBytes(32), randomBytes(32)];
    const store = openSqlite(path, { encryptionKeys: [key] });
    await insertAgent(store, anAgent());
    await store.close();
    const url = await bareDatabase();
    await expect(moved(sqlite(path), postgres(url), [other])).rejects.toThrow(
      /AGENTKIT_ENCRYPTION_KEY/,
    );
    await expect(moved(sqlite(path), postgres(url))).rejects.toThrow(/AGENTKIT_ENCRYPTION_KEY/);
    expect(await moved(sqlite(path), postgres(url), [other, key])).toMatchObject({
      outcome: 'moved',
    });
  });
});
