import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { agentkit, spawnAgentkit } from '../helpers/cli.ts';
import { eventually } from '../helpers/eventually.ts';
import { bareDatabase, emptyDatabase, query } from '../helpers/postgres.ts';
import { anAgent } from '../helpers/records.ts';
import { insertAgent } from '../helpers/store.ts';
import { tempDir } from '../helpers/temp-dir.ts';
import { fillSqlite, rowsOfPostgres, rowsOfSqlite } from '../store/random-rows.ts';
import { openPostgres, openSqlite } from '../helpers/open-store.ts';

/** What is moved without a key. */
const OPEN = { encryptionKeys: [] };

async function aFile(rows = 10): Promise<{ path: string; env: { DATABASE_URL: string } }> {
  const path = join(tempDir(), 'agentkit.db');
  await openSqlite(path, OPEN).close();
  fillSqlite(path, rows);
  return { path, env: { DATABASE_URL: `sqlite:${path}` } };
}

describe('agentkit migrate', () => {
  it('shows what it carried as a table, and what to do next as talk', async () => {
    const { path, env } = await aFile(40);
    const url = await bareDatabase();
    const { code, stdout, stderr } = await agentkit(['migrate', '--to', url], { env });
    expect(code).toBe(0);
    const lines = stdout.trimEnd().split('\n');
    expect(lines[0]).toMatch(/^table +read +written +checksum +read back$/);
    expect(lines.find((line) => line.startsWith('deliveries'))).toMatch(
      /^deliveries +40 +40 {2}[0-9a-f]{16} {2}equal$/,
    );
    expect(stderr).toMatch(/^moved: start the service with DATABASE_URL of postgres:\/\/127/);
    expect(stdout + stderr).not.toContain(':password@');
    expect(await rowsOfPostgres(url)).toEqual(rowsOfSqlite(path));
  });

  it('said again says that everything is there', async () => {
    const { env } = await aFile();
    const url = await bareDatabase();
    await agentkit(['migrate', '--to', url], { env });
    const again = await agentkit(['migrate', '--to', url, '--json'], { env });
    expect([again.code, JSON.parse(again.stdout)]).toMatchObject([0, { outcome: 'already_there' }]);
    expect(again.stderr).toMatch(/^nothing to do: /);
  });

  it('shows how far it is, in a terminal', async () => {
    const { env } = await aFile();
    const { stderr } = await agentkit(['migrate', '--to', await bareDatabase()], {
      env,
      terminal: true,
    });
    expect(stderr).toContain('\r\x1b[Kdeliveries: 10 of 10');
  });

  it('goes back to a file', async () => {
    const { path, env } = await aFile();
    const url = await bareDatabase();
    await agentkit(['migrate', '--to', url], { env });
    const back = join(tempDir(), 'back.db');
    const { code } = await agentkit(['migrate', '--from', url, '--to', `sqlite:${back}`]);
    expect(code).toBe(0);
    expect(rowsOfSqlite(back)).toEqual(rowsOfSqlite(path));
  });

  it('answers a wrong command line with 2', async () => {
    const { env } = await aFile();
    for (const args of [
      [],
      ['--to', 'mysql://x'],
      ['--to', env.DATABASE_URL],
      ['--to', 'sqlite:a', '--from', 'b'],
    ]) {
      const { code, stdout, stderr } = await agentkit(['migrate', ...args], { env });
      expect([args, code, stdout]).toEqual([args, 2, '']);
      expect(stderr).toMatch(/^agentkit: .*--(to|from)/);
    }
  });

  it('says in one line why it cannot, and writes nothing', async () => {
    const { path, env } = await aFile();
    const [empty, other] = [await bareDatabase(), await emptyDatabase()];
    const { store } = await openPostgres(other, OPEN);
    await insertAgent(store, anAgent());
    const refusal = async (...args: string[]) => {
      const { code, stdout, stderr } = await agentkit(['migrate', ...args], { env });
      expect([code, stdout, stderr.trimEnd().split('\n').length]).toEqual([1, '', 1]);
      expect(stderr).not.toMatch(/:password@|wrong-password/);
      return stderr;
    };
    expect(await refusal('--to', other)).toMatch(
      /^agentkit: cannot move to postgres:.*a service runs on it/,
    );
    await store.close();
    expect(await refusal('--to', other)).toMatch(
      /not empty \(1 agents\).* give it an empty database/,
    );
    expect(await refusal('--to', empty, '--from', `sqlite:${path}x`)).toMatch(
      /there is no database/,
    );
    const running = openSqlite(path, OPEN);
    onTestFinished(() => running.close());
    expect(await refusal('--to', empty)).toMatch(/in use by another process/);
    const wrong = new URL(empty);
    wrong.password = 'wrong-password';
    expect(await refusal('--from', wrong.href, '--to', `sqlite:${path}2`)).toMatch(
      /authentication/,
    );
    expect(await query(empty, "SELECT to_regclass('agents') AS agents")).toEqual([
      { agents: null },
    ]);
  });

  it('killed in the middle leaves nothing behind, and works when it is given again', async () => {
    const { path, env } = await aFile(2_500);
    const before = rowsOfSqlite(path, { raw: true });
    const url = await emptyDatabase();
    const database = new URL(url).pathname.slice(1);
    // A server that is busy with a statement notices that its client is gone.
    await query(url, `ALTER DATABASE ${database} SET client_connection_check_interval = '20ms'`);
    await query(
      url,
      'CREATE FUNCTION stall() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(600); END $$',
    );
    const moving =
      "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'";
    for (const table of ['payloads', 'schedule', 'lanes', 'first_seen']) {
      await query(url, `CREATE TRIGGER stall BEFORE INSERT ON ${table} EXECUTE FUNCTION stall()`);
      const { child, ended } = spawnAgentkit(['migrate', '--to', url], { env });
      await eventually(async () => (await query(url, moving)).length === 1, `it is at ${table}`);
      child.kill('SIGKILL');
      await ended;
      await eventually(async () => (await query(url, moving)).length === 0, 'its session ends');
      await query(url, `DROP TRIGGER stall ON ${table}`);
      for (const rows of Object.values(await rowsOfPostgres(url))) {
        expect(rows.length === 0 || JSON.stringify(rows) === '[{"seq":0}]').toBe(true);
      }
    }
    const { code, stdout } = await spawnAgentkit(['migrate', '--to', url, '--json'], { env }).ended;
    expect([code, JSON.parse(stdout)]).toMatchObject([0, { outcome: 'moved' }]);
    expect(await rowsOfPostgres(url)).toEqual(rowsOfSqlite(path));
    expect(rowsOfSqlite(path, { raw: true })).toEqual(before);
  });
});
