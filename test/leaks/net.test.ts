import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { errorCatalogue } from '../../src/errors.ts';
import { openPostgresStore } from '../../src/store/postgres/store.ts';
import { openSqliteStore } from '../../src/store/sqlite/store.ts';
import { childEnv } from '../helpers/child-env.ts';
import { testLog } from '../helpers/log.ts';
import { openSqlite } from '../helpers/open-store.ts';
import { bareDatabase } from '../helpers/postgres.ts';
import { aDelivery, anAgent } from '../helpers/records.ts';
import { aSecret } from '../helpers/secrets.ts';
import { startService } from '../helpers/service-process.ts';
import { aRegistration, aService } from '../helpers/service.ts';
import { insertAgent, insertTask } from '../helpers/store.ts';
import { tempDir } from '../helpers/temp-dir.ts';
import { recordPostgres } from './postgres.ts';
import { putThrough, RUN_FOLDER } from './recording.ts';
import { findLeaks } from './scan.ts';
import { recordDatabasesIn } from './sqlite.ts';

/** What goes on from here in this test is a run of its own. @returns what is found in it: `kind < place: of`. */
function ownRun(): () => string[] {
  const folder = tempDir();
  const outer = process.env[RUN_FOLDER];
  process.env[RUN_FOLDER] = folder;
  onTestFinished(() => {
    process.env[RUN_FOLDER] = outer;
  });
  return () =>
    findLeaks(folder)
      .leaks.map(({ secret, origin }) => `${secret.kind} < ${origin.place}: ${origin.of}`)
      .map((leak) => leak.replace(/, process \d+$/, ''))
      .sort();
}

/** As a service is configured, with secrets that `make` makes. */
function environment(make: (kind: string) => string): Record<string, string> {
  const admin = make('AGENTKIT_API_KEYS');
  return {
    PORT: '0',
    DATABASE_URL: `sqlite:${join(tempDir(), 'agentkit.db')}`,
    OPSCORE_WEBHOOK_URL: 'http://127.0.0.1:9/',
    OPSCORE_WEBHOOK_SECRET: make('OPSCORE_WEBHOOK_SECRET'),
    OPSCORE_WEBHOOK_SECRET_PREVIOUS: make('OPSCORE_WEBHOOK_SECRET_PREVIOUS'),
    OPSCORE_API_URL: 'http://127.0.0.1:9/',
    OPSCORE_API_KEY: make('OPSCORE_API_KEY'),
    AGENTKIT_API_KEYS: `a:admin:${admin}`,
    AGENTKIT_ENCRYPTION_KEY: randomBytes(32).toString('base64'),
    SHUTDOWN_GRACE: '1s',
    ADMIN_KEY: admin,
  };
}

/** All that planted/service.ts tells. What registration hands out, in its answer and sealed, is not among it. */
const planted = (log: string) => [
  `AGENTKIT_API_KEYS < log: ${log}`,
  'OPSCORE_API_KEY < answer: GET /planted/configured',
  'OPSCORE_WEBHOOK_SECRET < answer: GET /planted/cut',
  'OPSCORE_WEBHOOK_SECRET_PREVIOUS < answer: POST /v1/agents',
  'OPSCORE_WEBHOOK_SECRET_PREVIOUS < database: SQLite file agentkit.db',
  'OPSCORE_WEBHOOK_SECRET_PREVIOUS < database: SQLite file agentkit.db-wal',
  'agentToken < answer: GET /planted/handed-out',
];

describe('what a service tells that should not is found', () => {
  it('of one in the process of the test', async () => {
    const found = ownRun();
    const { tellAll } = await import('./planted/service.ts');
    await tellAll(environment(aSecret), testLog());
    expect(found()).toEqual(planted('a service in the process of the test'));
  });

  it('of one in a process of its own, whose secrets nobody has registered', async () => {
    const found = ownRun();
    const env = environment((kind) => `${kind}-${randomBytes(16).toString('hex')}`);
    const script = join(import.meta.dirname, 'planted/service.ts');
    const child = spawn('sh', ['-c', 'exec "$0" "$1"', process.execPath, script], {
      env: { ...childEnv, ...env },
    });
    child.stdout.resume();
    expect(await once(child, 'close')).toEqual([0, null]);
    expect(found()).toEqual(planted('stdout of sh service.ts'));
  });

  it('of one that was killed', async () => {
    const found = ownRun();
    const dir = tempDir();
    const service = await startService({ dir });
    await fetch(`${service.url}/v1/agents`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(aRegistration({ metadata: { key: aSecret('OPSCORE_API_KEY') } })),
    });
    await service.end('SIGKILL');
    recordDatabasesIn(dir);
    expect(found()).toEqual([
      'OPSCORE_API_KEY < answer: POST /v1/agents',
      'OPSCORE_API_KEY < database: SQLite file agentkit.db-wal',
    ]);
  });

  it('in an answer that is injected, or to what is no request', async () => {
    const found = ownRun();
    putThrough('a message', 'There is no route GET /nowhere');
    putThrough('another message', errorCatalogue.bad_request.message);
    const { call, service } = await aService();
    await call('GET', '/nowhere');
    await service.listen();
    const { port } = new URL(service.url());
    const socket = connect(Number(port), '127.0.0.1').end('nonsense\r\n\r\n');
    let heard = '';
    for await (const chunk of socket) heard += String(chunk);
    expect(heard).toContain('400');
    expect(found()).toEqual([
      'a message < answer: GET (no route)',
      'another message < answer: what is no request',
    ]);
  });
});

describe('a column that is not sealed is found', () => {
  it('in SQLite', async () => {
    const found = ownRun();
    const store = openSqliteStore(join(tempDir(), 'agentkit.db'));
    await insertAgent(store, anAgent());
    await store.close();
    expect(found()).toEqual([
      'signingSecret < database: SQLite file agentkit.db',
      'signingSecret < database: SQLite file agentkit.db-wal',
    ]);
  });

  it('in PostgreSQL, in text and in bytes', async () => {
    const found = ownRun();
    const url = await bareDatabase();
    const { store } = await openPostgresStore(url);
    const agent = await insertAgent(store, anAgent());
    const body = JSON.stringify({ parameters: aSecret('in a payload') });
    await insertTask(store, aDelivery(agent.agentId, { body }));
    await store.close();
    await recordPostgres(url);
    expect(found()).toEqual([
      'in a payload < database: PostgreSQL',
      'signingSecret < database: PostgreSQL',
    ]);
  });

  it('but not where the test is about running without a key', async () => {
    const found = ownRun();
    const store = openSqlite(join(tempDir(), 'agentkit.db'), { encryptionKeys: [] });
    await insertAgent(store, anAgent());
    await store.close();
    const { call } = await aService({ AGENTKIT_ENCRYPTION_KEY: '' });
    expect((await call('POST', '/v1/agents', { body: aRegistration() })).status).toBe(201);
    expect(found()).toEqual([]);
  });
});
