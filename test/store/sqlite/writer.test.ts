import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { expect, it, onTestFinished } from 'vitest';
import { openDatabase } from '../../../src/store/sqlite/database.ts';
import { GroupCommit } from '../../../src/store/sqlite/group-commit.ts';
import { StoreUnavailableError } from '../../../src/store/store.ts';
import { aDelivery } from '../../helpers/records.ts';
import { tempDir } from '../../helpers/temp-dir.ts';

/** A group commit with a real writer thread, on a migrated file. */
function setup() {
  const path = join(tempDir(), 'a.db');
  const database = openDatabase(path);
  const { db } = database;
  let writer: Worker | undefined;
  const commit = new GroupCommit({
    db,
    startWriter: () => {
      const url = new URL('../../../src/store/sqlite/writer-thread.ts', import.meta.url);
      writer = new Worker(url, { workerData: { path } });
      return writer;
    },
    onRollback: () => undefined,
  });
  let closed = false;
  const finish = async () => {
    if (closed) return;
    closed = true;
    await commit.close();
    database.close();
  };
  onTestFinished(finish);
  const insertTask = (
    task = aDelivery('agent'),
    { queueLimit = 1_000, onBuild = (): void => undefined } = {},
  ) =>
    commit.send('insertTask', () => {
      onBuild();
      const { id, agentId, name, createdAt, dueAt, traceparent, body } = task;
      const row = [id, agentId, name, createdAt, dueAt, traceparent, queueLimit] as const;
      return { request: [...row, null, 0, null], bodies: [body] };
    });
  const count = () => db.prepare('SELECT count(*) AS n FROM deliveries').get()?.['n'] as number;
  return { db, commit, insertTask, count, finish, writer: () => writer };
}

it('writes in its thread, and this connection sees it once it is told', async () => {
  const { insertTask, count, db } = setup();
  const body = Buffer.from('{"task_name":"\u00fc"}');
  const { content } = await insertTask({ ...aDelivery('agent'), body });
  expect(content).toMatchObject({ outcome: 'inserted', seq: 1, leased: false });
  expect(count()).toBe(1);
  expect(
    Buffer.from(db.prepare('SELECT body FROM payloads').get()?.['body'] as Uint8Array),
  ).toEqual(body);
});

it('keeps the order in which both connections were asked', async () => {
  const { commit, insertTask, count } = setup();
  const seen: number[] = [];
  const note = () => {
    seen.push(count());
  };
  await Promise.all([
    insertTask(),
    insertTask(),
    commit.run(note),
    insertTask(aDelivery('agent'), { onBuild: note }),
    insertTask(),
    commit.run(note),
  ]);
  // The first look is at what was asked for before it, all of it; what is built after it meets the same.
  expect(seen).toEqual([2, 2, 4]);
});

it('lets one failing order fail alone', async () => {
  const { insertTask, count } = setup();
  const twice = aDelivery('agent');
  const outcomes = await Promise.allSettled([insertTask(twice), insertTask(twice), insertTask()]);
  expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  expect(outcomes[1]).toMatchObject({
    reason: { message: expect.stringMatching(/UNIQUE/) as string },
  });
  expect(count()).toBe(2);
});

it('asks an order nothing more when it refuses itself', async () => {
  const { insertTask, count } = setup();
  const refusal = new Error('not this one');
  const refused = insertTask(aDelivery('agent'), {
    onBuild: () => {
      throw refusal;
    },
  });
  await expect(refused).rejects.toBe(refusal);
  await insertTask();
  expect(count()).toBe(1);
});

it('counts what the other connection ended', async () => {
  const { commit, insertTask, db } = setup();
  const task = aDelivery('agent');
  await insertTask(task, { queueLimit: 1 });
  expect((await insertTask(undefined, { queueLimit: 1 })).content).toEqual({
    outcome: 'queue_full',
  });
  const cancel = commit.run(() => {
    db.prepare("UPDATE deliveries SET state = 'cancelled' WHERE id = ?").run(task.id);
    commit.noteDepth(task.lane, -1);
  });
  const next = insertTask(undefined, { queueLimit: 1 });
  await cancel;
  expect((await next).content).toMatchObject({ outcome: 'inserted' });
  expect((await insertTask(undefined, { queueLimit: 1 })).content).toEqual({
    outcome: 'queue_full',
  });
});

it('says that the store is unavailable while the file is locked by others, and goes on afterwards', async () => {
  const { db, insertTask, count } = setup();
  await insertTask();
  db.exec('BEGIN IMMEDIATE');
  const refused = insertTask();
  await expect(refused).rejects.toBeInstanceOf(StoreUnavailableError);
  db.exec('ROLLBACK');
  await insertTask();
  expect(count()).toBe(2);
});

it('acknowledges nothing any more when the thread is gone', async () => {
  const { insertTask, writer } = setup();
  await insertTask();
  const cut = insertTask();
  await writer()?.terminate();
  await expect(cut).rejects.toBeInstanceOf(StoreUnavailableError);
  await expect(insertTask()).rejects.toBeInstanceOf(StoreUnavailableError);
});

it('writes what was asked for before it closes', async () => {
  const { insertTask, finish } = setup();
  const last = insertTask();
  await finish();
  expect((await last).content).toMatchObject({ outcome: 'inserted' });
});
