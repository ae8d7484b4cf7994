import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, it, onTestFinished } from 'vitest';
import { databaseClockFinding } from '../../src/cli/doctor/clock.ts';
import type { Finding } from '../../src/cli/doctor/finding.ts';
import { NOTHING_THERE } from '../../src/store/inspection.ts';
import { agentkit, dataOf } from '../helpers/cli.ts';
import type { Environment } from '../helpers/environment.ts';
import { startFakeOpscore } from '../helpers/fake-opscore.ts';
import { freePort } from '../helpers/free-port.ts';
import { httpReceiver } from '../helpers/http-receiver.ts';
import { openSqlite } from '../helpers/open-store.ts';
import { bareDatabase, query } from '../helpers/postgres.ts';
import { anAgent } from '../helpers/records.ts';
import { aSecret, anEncryptionKey } from '../helpers/secrets.ts';
import { insertAgent } from '../helpers/store.ts';
import { tempDir } from '../helpers/temp-dir.ts';
import { aService } from '../helpers/service.ts';
import { cliService } from './helpers/cli-service.ts';

interface Diagnosis {
  /** The checks that failed. */
  readonly faults: readonly string[];
  /** `verdict: what was found -> what to do`, a line for each. */
  readonly of: (check: Finding['check']) => string;
}

/** Without a service, unless `env` leads to one; on a database that is not there. */
async function doctor(env: Environment): Promise<Diagnosis> {
  const place = { PORT: String(await freePort()), DATABASE_URL: `sqlite:${tempDir()}/new.db` };
  const result = await agentkit(['doctor', '--json'], { env: { ...place, ...env } });
  const { ok, findings } = dataOf<{ ok: boolean; findings: Finding[] }>(result);
  const faults = findings.filter(({ verdict }) => verdict === 'fail').map(({ check }) => check);
  expect([ok, result.code]).toEqual([faults.length === 0, faults.length === 0 ? 0 : 1]);
  for (const { verdict, todo } of findings) {
    expect(todo !== null).toBe(verdict === 'fail' || verdict === 'warn');
  }
  const of = (check: Finding['check']) =>
    findings
      .filter((finding) => finding.check === check)
      .map(({ verdict, found, todo }) => `${verdict}: ${found} -> ${todo ?? ''}`)
      .join('\n');
  return { faults, of };
}

it('finds nothing wrong with a good set-up, with and without a service', async () => {
  const opscore = await startFakeOpscore();
  const without = await doctor(opscore.env);
  expect(without.faults).toEqual([]);
  expect(without.of('service')).toMatch(/^skip: it does not run; .* is free/);
  expect(without.of('signature')).toMatch(/^ok/);
  expect(without.of('clock')).toMatch(/^ok: Ops-Core's differs by [01] s/);

  const { url, config, cli } = await cliService(opscore.env);
  const database = config.database.kind === 'sqlite' ? config.database.path : '';
  const beside = await doctor({
    ...opscore.env,
    AGENTKIT_URL: url,
    DATABASE_URL: `sqlite:${database}`,
  });
  expect(beside.faults).toEqual([]);
  expect(beside.of('database')).toContain('a service works on it');
  expect(beside.of('service')).toMatch(/^ok: the service runs at/);
  expect((await cli(['ping'])).code).toBe(0);
});

it('names another secret', async () => {
  const opscore = await startFakeOpscore();
  const wrong = { ...opscore.env, OPSCORE_WEBHOOK_SECRET: aSecret('OPSCORE_WEBHOOK_SECRET') };
  const { faults, of } = await doctor(wrong);
  expect(faults).toEqual(['signature']);
  expect(of('signature')).toMatch(
    /^fail: Ops-Core answers 401: it has another secret -> give both/,
  );

  // The service that runs has it; it was put right since, and not restarted.
  const { url, cli } = await cliService(wrong);
  expect((await doctor({ ...wrong, AGENTKIT_URL: url })).faults).toEqual(['signature']);
  const mended = await doctor({ ...opscore.env, AGENTKIT_URL: url });
  expect(mended.of('webhook')).toMatch(/^fail: what the running service sends .* -> restart/);
  const ping = await cli(['ping']);
  expect(ping.code).toBe(1);
  expect(ping.stdout).toMatch(/^what it means +Ops-Core answers 401: it has another secret/m);
});

it.each([
  [404, /^fail: something answers 404 .* -> put OPSCORE_WEBHOOK_URL right/],
  [302, /^fail: something answers 302 .*redirects are not followed/],
  [503, /^fail: Ops-Core was reached, and fails: it answers 503 -> mend it/],
])('names an Ops-Core that answers %d', async (status, said) => {
  const { url } = await httpReceiver((response) => response.writeHead(status).end());
  const OPSCORE_WEBHOOK_SECRET = aSecret('OPSCORE_WEBHOOK_SECRET');
  const { faults, of } = await doctor({ OPSCORE_WEBHOOK_URL: url, OPSCORE_WEBHOOK_SECRET });
  expect(faults).toEqual(['webhook']);
  expect(of('webhook')).toMatch(said);
});

it('names an Ops-Core that cannot be reached', async () => {
  const opscore = await startFakeOpscore();
  await opscore.down();
  const { faults, of } = await doctor(opscore.env);
  expect(faults).toEqual(['webhook', 'reports']);
  expect(of('webhook')).toMatch(/^fail: Ops-Core cannot be reached: nobody listens there/);
  expect(of('reports')).toMatch(/^fail: nobody answers at OPSCORE_API_URL \(ECONNREFUSED\)/);
});

it.each([
  [600, 401, /^fail: the clock is 10 minutes behind that of Ops-Core: .* stale .*NTP/],
  [-600, 202, /^fail: the clock is 10 minutes ahead of that of Ops-Core/],
  [90, 202, /^warn: the clock is (89|90|91) s behind/],
])('names a clock that is %d s off, and not the secret', async (seconds, status, said) => {
  const { url } = await httpReceiver((response) => {
    const date = new Date(Date.now() + seconds * 1_000).toUTCString();
    response.writeHead(status, { date }).end();
  });
  const OPSCORE_WEBHOOK_SECRET = aSecret('OPSCORE_WEBHOOK_SECRET');
  const { faults, of } = await doctor({ OPSCORE_WEBHOOK_URL: url, OPSCORE_WEBHOOK_SECRET });
  expect(faults).toEqual(Math.abs(seconds) < 300 ? [] : ['clock']);
  expect(of('clock')).toMatch(said);
  if (status === 401) expect(of('signature')).toMatch(/^skip: refused \(401\)/);
});

it.each([
  [600_000, ['fail', /^the clock is 10 minutes behind that of PostgreSQL$/]],
  [-100_000, ['warn', /^the clock is 100 s ahead of that of PostgreSQL$/]],
  [2_000, undefined],
  [undefined, undefined],
] as const)('compares with the clock of PostgreSQL, which is %s ms ahead', (clockSkewMs, said) => {
  const [finding] = databaseClockFinding({ ...NOTHING_THERE, clockSkewMs });
  expect(finding?.verdict).toBe(said?.[0]);
  if (said !== undefined) expect(finding?.found).toMatch(said[1]);
});

it('names a database that cannot be written, made, read or opened', async () => {
  const folder = tempDir();
  const at = (path: string) => doctor({ DATABASE_URL: `sqlite:${path}` });
  writeFileSync(join(folder, 'file'), '');
  mkdirSync(join(folder, 'folder.db'));
  writeFileSync(join(folder, 'text.db'), 'no database, but a text of some length'.repeat(100));
  for (const name of ['file/agentkit.db', 'folder.db', 'text.db']) {
    const { faults, of } = await at(join(folder, name));
    expect([name, faults]).toEqual([name, ['database']]);
    expect(of('database')).toMatch(/^fail: \S+ cannot be used: .* -> see that the folder exists/);
  }
  // A disk that takes no write any more.
  const path = join(folder, 'full.db');
  await openSqlite(path).close();
  const db = new DatabaseSync(path);
  db.exec(
    "CREATE TRIGGER full BEFORE UPDATE ON write_probe BEGIN SELECT RAISE(ABORT, 'disk is full'); END",
  );
  db.close();
  expect((await at(path)).of('database')).toMatch(/^fail: .* cannot be used: disk is full -> see/);

  const postgres = await doctor({ DATABASE_URL: `postgres://127.0.0.1:${await freePort()}/x` });
  expect(postgres.of('database')).toMatch(/^fail: postgres:.*ECONNREFUSED.* -> see that Postgre/);
});

it('names a running service that cannot write', async () => {
  const { url, config } = await cliService();
  const path = config.database.kind === 'sqlite' ? config.database.path : '';
  const db = new DatabaseSync(path);
  db.exec('PRAGMA busy_timeout = 5000; DROP TABLE write_probe');
  db.close();
  const { faults, of } = await doctor({ AGENTKIT_URL: url, DATABASE_URL: `sqlite:${path}` });
  expect(faults).toEqual(['service']);
  expect(of('service')).toMatch(/^fail: the service at .* its database takes no write -> its log/);
  const status = await agentkit(['status'], { env: { AGENTKIT_URL: url } });
  expect(status).toMatchObject({ code: 1, stdout: '' });
  expect(status.stderr).toContain('agentkit doctor');
});

it('names missing migrations, a newer schema, and another encryption key', async () => {
  const path = join(tempDir(), 'agentkit.db');
  const key = anEncryptionKey();
  const store = openSqlite(path, { encryptionKeys: [Buffer.from(key, 'base64')] });
  await insertAgent(store, anAgent());
  await store.close();
  const env = { DATABASE_URL: `sqlite:${path}`, AGENTKIT_ENCRYPTION_KEY: key };
  expect((await doctor(env)).of('database')).toMatch(/is up to date, and can be written to/);
  const running = openSqlite(path, { encryptionKeys: [Buffer.from(key, 'base64')] });
  const elsewhere = await doctor(env);
  expect(elsewhere.of('database')).toContain('a service works on it');
  expect(elsewhere.of('service')).toMatch(/^warn: something works on the database, and nobody/);
  await running.close();
  const other = await doctor({ ...env, AGENTKIT_ENCRYPTION_KEY: anEncryptionKey() });
  expect(other.faults).toEqual(['encryption']);
  expect(other.of('encryption')).toContain('does not open the secrets');

  const change = (sql: string) => {
    const db = new DatabaseSync(path);
    db.exec(sql);
    db.close();
  };
  change('PRAGMA user_version = 1; UPDATE schema_version SET oldest = 1');
  const old = await doctor(env);
  expect(old.faults).toEqual(['database']);
  expect(old.of('database')).toMatch(/^fail: 1 migrations are missing .*-> start this version/);
  change('PRAGMA user_version = 99; UPDATE schema_version SET oldest = 99');
  expect((await doctor(env)).of('database')).toMatch(/newer version -> run this with that version/);
});

it('looks at PostgreSQL as well', async () => {
  const url = await bareDatabase();
  const of = async () => (await doctor({ DATABASE_URL: url })).of('database');
  expect(await of()).toMatch(/is not there yet, and can be made/);
  const kit = await aService({ DATABASE_URL: url });
  await kit.close();
  expect(await of()).toMatch(/is up to date, and can be written to/);
  await query(url, 'ALTER TABLE write_probe RENAME TO elsewhere');
  expect(await of()).toMatch(/^fail: .*write_probe/);
});

it('names missing keys on a public HOST, whatever else is wrong', async () => {
  const bare = await doctor({ HOST: '0.0.0.0', PORT: '70000', DATABASE_URL: 'mysql://x' });
  expect(bare.faults).toEqual(['configuration', 'configuration', 'exposure']);
  expect(bare.of('configuration')).toMatch(/^fail: PORT: got "70000".*\nfail: DATABASE_URL: /);
  expect(bare.of('exposure')).toMatch(/^fail: keys are missing: HOST is 0\.0\.0\.0/);
  const keyed = await doctor({
    HOST: '0.0.0.0',
    AGENTKIT_API_KEYS: `ops:admin:${aSecret('AGENTKIT_API_KEYS')}`,
  });
  expect(keyed.faults).toEqual([]);
});

it('names half a pair, and a slip in a name', async () => {
  const half = await doctor({
    OPSCORE_WEBHOOK_URL: 'http://127.0.0.1:9/',
    OPSCORE_WEBHOK_SECRET: '',
  });
  expect(half.of('configuration')).toBe(
    'fail: OPSCORE_WEBHOOK_URL is set and OPSCORE_WEBHOOK_SECRET is not: lifecycle webhooks are skipped' +
      ' -> set OPSCORE_WEBHOOK_SECRET\n' +
      'warn: OPSCORE_WEBHOK_SECRET is no variable of the service' +
      ' -> look for a slip in its name (docs/configuration.md)',
  );
});

it('names what has taken the port, and a key that the service does not know', async () => {
  const { url } = await httpReceiver((response) => response.end('hello'));
  const { port } = new URL(url);
  expect((await doctor({ PORT: port })).of('service')).toMatch(/^fail: .* something else answers/);

  const mute = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1');
  onTestFinished(() => void mute.close());
  await new Promise((resolve) => mute.once('listening', resolve));
  const taken = (mute.address() as { port: number }).port;
  const { of } = await doctor({ PORT: String(taken) });
  expect(of('service')).toMatch(
    /^fail: it cannot listen on .*: the port is taken by something else/,
  );

  const key = aSecret('AGENTKIT_API_KEYS');
  const { url: service } = await cliService({ AGENTKIT_API_KEYS: `watch:read:${key}` });
  const AGENTKIT_API_KEY = aSecret('AGENTKIT_API_KEY');
  const wrong = await doctor({ AGENTKIT_URL: service, AGENTKIT_API_KEY });
  expect(wrong.faults).toEqual(['key']);
  const right = await doctor({ AGENTKIT_URL: service, AGENTKIT_API_KEY: key });
  expect(right.of('key')).toMatch(/^ok: it knows the key of watch \(read\)/);
  // It may not have the service ping, and nothing is configured here to do so.
  expect(right.of('webhook')).toMatch(/^skip: not tried: only an admin key/);
});
