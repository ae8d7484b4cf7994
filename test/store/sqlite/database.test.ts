import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it, onTestFinished } from 'vitest';
import { readMigrations, versionAfter, type Migration } from '../../../src/store/migrations.ts';
import {
  MIGRATIONS,
  migrate,
  openDatabase,
  schemaVersion,
} from '../../../src/store/sqlite/database.ts';
import { StoreUnavailableError } from '../../../src/store/store.ts';
import { openSqlite } from '../../helpers/open-store.ts';
import { aDelivery, anAgent } from '../../helpers/records.ts';
import { insertAgent, insertTask } from '../../helpers/store.ts';
import { tempDir } from '../../helpers/temp-dir.ts';

const IMPATIENT = 10;
const NONE = { version: 0, oldest: 0 };

function opened(path: string) {
  const database = openDatabase(path, IMPATIENT);
  let open = true;
  const close = () => {
    if (open) database.close();
    open = false;
  };
  onTestFinished(close);
  return { db: database.db, close };
}

describe('the file', () => {
  it('is created with its folders, readable by its owner alone', async () => {
    const path = join(tempDir(), 'a', 'b', 'agentkit.db');
    const store = openSqlite(path);
    onTestFinished(() => store.close());
    await insertAgent(store, anAgent());
    for (const file of [path, `${path}-wal`, `${path}-shm`, `${path}.lock`]) {
      expect((statSync(file).mode & 0o777).toString(8), file).toBe('600');
    }
  });

  it('is made private again when it was not', () => {
    const path = join(tempDir(), 'agentkit.db');
    opened(path).close();
    writeFileSync(`${path}.lock`, '', { mode: 0o644 });
    opened(path);
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it('leaves neither log nor shared memory behind when it is closed', async () => {
    const path = join(tempDir(), 'agentkit.db');
    const store = openSqlite(path);
    await insertAgent(store, anAgent());
    await store.close();
    expect(existsSync(`${path}-wal`)).toBe(false);
  });

  it('that is no database is refused, and the lock is not kept', () => {
    const path = join(tempDir(), 'agentkit.db');
    writeFileSync(path, 'certainly not a database, and long enough to be read as a header of one');
    expect(() => openDatabase(path, IMPATIENT)).toThrow(/not a database/);
    expect(() => openDatabase(path, IMPATIENT)).toThrow(/not a database/);
  });
});

describe('the connection', () => {
  it('fsyncs every commit: that makes a 202 a promise', () => {
    const { db } = opened(join(tempDir(), 'agentkit.db'));
    expect(db.prepare('PRAGMA synchronous').get()).toEqual({ synchronous: 2 });
    expect(db.prepare('PRAGMA journal_mode').get()).toEqual({ journal_mode: 'wal' });
  });

  it('waits for locks, instead of failing at once', () => {
    const { db } = opened(join(tempDir(), 'agentkit.db'));
    expect(db.prepare('PRAGMA busy_timeout').get()).toEqual({ timeout: 5_000 });
  });
});

describe('the lock', () => {
  it('refuses a second opening, in one line that says why', () => {
    const path = join(tempDir(), 'agentkit.db');
    opened(path);
    let refusal: unknown;
    try {
      openDatabase(path, IMPATIENT);
    } catch (error) {
      refusal = error;
    }
    expect(refusal).toBeInstanceOf(StoreUnavailableError);
    expect((refusal as Error).message).toMatch(/^the database is in use by another process .*$/);
  });

  it('does not disturb the one who holds it', () => {
    const path = join(tempDir(), 'agentkit.db');
    const first = opened(path);
    expect(() => openDatabase(path, IMPATIENT)).toThrow();
    first.db.exec("INSERT INTO lanes (lane, due_at) VALUES ('l', 1)");
    expect(first.db.prepare('SELECT lane FROM lanes').all()).toHaveLength(1);
  });

  it('is free once the first has closed', () => {
    const path = join(tempDir(), 'agentkit.db');
    opened(path).close();
    opened(path);
  });

  it('holds against another process, and lets it in once the first has closed', async () => {
    const path = join(tempDir(), 'agentkit.db');
    const first = opened(path);
    const module = join(import.meta.dirname, '../../../src/store/sqlite/database.ts');
    const script = `
      const { openDatabase } = await import(${JSON.stringify(module)});
      try { openDatabase(${JSON.stringify(path)}, 0); } catch (error) { process.send(error.code); }
      openDatabase(${JSON.stringify(path)}, 60_000).close();
      process.exit(0);`;
    const successor = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    onTestFinished(() => {
      successor.kill('SIGKILL');
    });
    const exit = once(successor, 'exit');
    expect((await once(successor, 'message'))[0]).toBe('store_unavailable');
    first.close();
    expect((await exit)[0]).toBe(0);
  });
});

describe('migrations', () => {
  it('run once: what is there stays when the file is opened again', () => {
    const path = join(tempDir(), 'agentkit.db');
    const first = opened(path);
    const version = first.db.prepare('PRAGMA user_version').get();
    expect(version?.['user_version']).toBeGreaterThan(0);
    first.db.exec("INSERT INTO lanes (lane, due_at) VALUES ('l', 1)");
    first.close();
    const { db } = opened(path);
    expect(db.prepare('PRAGMA user_version').get()).toEqual(version);
    expect(db.prepare('SELECT lane FROM lanes').all()).toHaveLength(1);
  });

  /** A file as a newer version leaves it behind. */
  function migratedFurther(next: Migration): string {
    const path = join(tempDir(), 'agentkit.db');
    opened(path).close();
    const newer = new DatabaseSync(path);
    migrate(newer, [...readMigrations(MIGRATIONS), next]);
    newer.close();
    return path;
  }

  it('of a newer version that only add are none of its business', async () => {
    const path = migratedFurther({
      sql: 'ALTER TABLE deliveries ADD COLUMN added TEXT; CREATE TABLE added (x INTEGER) STRICT',
      expands: true,
    });
    const store = openSqlite(path, { lockWaitMs: IMPATIENT });
    const agent = await insertAgent(store, anAgent());
    expect(await insertTask(store, aDelivery(agent.agentId))).toMatchObject({ seq: 1 });
    await store.close();
    const after = new DatabaseSync(path);
    onTestFinished(() => after.close());
    const known = readMigrations(MIGRATIONS);
    expect(schemaVersion(after)).toEqual({
      ...versionAfter(known, NONE),
      version: known.length + 1,
    });
  });

  it('of a newer version that take something away are refused, and the file is left as it was', () => {
    const path = migratedFurther({ sql: 'DROP TABLE payloads', expands: false });
    const before = readFileSync(path);
    expect(() => openDatabase(path, IMPATIENT)).toThrow(
      /the database is at migration \d+ .*: start the newer version/,
    );
    expect(readFileSync(path).equals(before)).toBe(true);
  });

  it('of a version from before this was told are refused when they are newer', () => {
    const path = join(tempDir(), 'agentkit.db');
    const newer = new DatabaseSync(path);
    newer.exec('PRAGMA user_version = 999');
    newer.close();
    expect(() => openDatabase(path, IMPATIENT)).toThrow(/the database is at migration 999 /);
  });
});
