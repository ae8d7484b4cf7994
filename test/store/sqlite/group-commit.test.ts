import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, it, onTestFinished, vi } from 'vitest';
import { GroupCommit } from '../../../src/store/sqlite/group-commit.ts';
import { StoreUnavailableError } from '../../../src/store/store.ts';
import { tempDir } from '../../helpers/temp-dir.ts';

/** A group commit on a file with one table, whose COMMITs are counted. */
function setup() {
  const path = join(tempDir(), 'a.db');
  const db = new DatabaseSync(path);
  onTestFinished(() => db.close());
  db.exec('PRAGMA journal_mode = WAL; CREATE TABLE t (n INTEGER PRIMARY KEY) STRICT');
  const insert = db.prepare('INSERT INTO t (n) VALUES (?)');
  const exec = vi.spyOn(db, 'exec');
  const onRollback = vi.fn();
  const startWriter = () => {
    throw new Error('nothing here is for the writer');
  };
  const commit = new GroupCommit({ db, startWriter, onRollback });
  return {
    path,
    db,
    commit,
    onRollback,
    insert: (n: number) =>
      commit.run(() => {
        insert.run(n);
        return n;
      }),
    commits: () => exec.mock.calls.filter(([sql]) => sql === 'COMMIT').length,
    stored: () =>
      db
        .prepare('SELECT n FROM t ORDER BY n')
        .all()
        .map((row) => row['n']),
  };
}

it('writes what one turn of the event loop asks for in one transaction', async () => {
  const { insert, commits, stored } = setup();
  const results = await Promise.all(Array.from({ length: 50 }, (_, n) => insert(n)));
  expect(results).toEqual(Array.from({ length: 50 }, (_, n) => n));
  expect(stored()).toHaveLength(50);
  expect(commits()).toBe(1);
});

it('commits at the end of the turn: two turns are two transactions', async () => {
  const { insert, commits } = setup();
  await insert(1);
  await insert(2);
  expect(commits()).toBe(2);
});

it('resolves only when another connection can see the write', async () => {
  const { path, insert } = setup();
  const reader = new DatabaseSync(path);
  onTestFinished(() => reader.close());
  const write = insert(1);
  expect(reader.prepare('SELECT n FROM t').all()).toEqual([]);
  await write;
  expect(reader.prepare('SELECT n FROM t').all()).toHaveLength(1);
});

it('runs the work in the order in which it was asked for', async () => {
  const { commit } = setup();
  const order: number[] = [];
  await Promise.all([1, 2, 3].map((n) => commit.run(() => order.push(n))));
  expect(order).toEqual([1, 2, 3]);
});

it('lets one failing job fail alone', async () => {
  const { insert, stored, onRollback } = setup();
  await insert(2);
  const outcomes = await Promise.allSettled([insert(1), insert(2), insert(3)]);
  expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  expect(stored()).toEqual([1, 2, 3]);
  expect(onRollback).toHaveBeenCalled();
});

it('drops what a failing job has written before it failed', async () => {
  const { db, commit, insert, stored } = setup();
  const failing = commit.run(() => {
    db.prepare('INSERT INTO t (n) VALUES (7)').run();
    throw new Error('after the write');
  });
  const outcomes = await Promise.allSettled([failing, insert(8)]);
  expect(outcomes[0]).toMatchObject({ status: 'rejected', reason: { message: 'after the write' } });
  expect(stored()).toEqual([8]);
});

it('goes on after a failure', async () => {
  const { insert, stored } = setup();
  await insert(1);
  await expect(insert(1)).rejects.toThrow(/UNIQUE/);
  await insert(2);
  expect(stored()).toEqual([1, 2]);
});

it('takes what is asked for while it commits into the next transaction', async () => {
  const { commit, insert, commits, stored } = setup();
  let inner: Promise<number> | undefined;
  await commit.run(() => {
    inner ??= insert(1);
  });
  await inner;
  expect(stored()).toEqual([1]);
  expect(commits()).toBe(2);
});

it('says that the store is unavailable when the database is locked by others, and nothing was written', async () => {
  const { path, insert, stored } = setup();
  const other = new DatabaseSync(path);
  onTestFinished(() => other.close());
  other.exec('BEGIN IMMEDIATE');
  const outcomes = await Promise.allSettled([insert(1), insert(2)]);
  for (const outcome of outcomes) {
    expect(outcome.status === 'rejected' && (outcome.reason as unknown)).toBeInstanceOf(
      StoreUnavailableError,
    );
  }
  other.exec('ROLLBACK');
  expect(stored()).toEqual([]);
  await insert(3);
  expect(stored()).toEqual([3]);
});

it('says so when the disk is full, and recovers when there is room again', async () => {
  const { db, commit, insert, stored } = setup();
  await insert(1);
  db.exec('CREATE TABLE blobs (b BLOB)');
  const { page_count: pages } = db.prepare('PRAGMA page_count').get() as { page_count: number };
  db.exec(`PRAGMA max_page_count = ${pages}`);
  const big = commit.run(() => db.prepare('INSERT INTO blobs VALUES (zeroblob(100000))').run());
  await expect(big).rejects.toMatchObject({ code: 'store_unavailable' });
  db.exec('PRAGMA max_page_count = 1000000');
  await insert(2);
  expect(stored()).toEqual([1, 2]);
});

it('a bug is no outage: other errors come through as they are', async () => {
  const { commit } = setup();
  const bug = new TypeError('x is not a function');
  const failing = commit.run(() => {
    throw bug;
  });
  await expect(failing).rejects.toBe(bug);
});
