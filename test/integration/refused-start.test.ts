import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { aSecret } from '../helpers/secrets.ts';
import {
  spawnService,
  startService,
  tempDir,
  type Environment,
} from '../helpers/service-process.ts';

const SECRET = aSecret('a refused secret');

/** Exit code 1, nothing on stdout, and on stderr exactly one line, which is returned. */
async function refusal(env: Environment, dir = tempDir()): Promise<string> {
  const service = spawnService({ dir, env });
  expect(await service.exited).toEqual({ code: 1, signal: null });
  expect(service.stdout()).toBe('');
  expect(service.stderr()).toMatch(/^agentkit: [^\n]+\n$/);
  expect(service.stderr()).not.toContain(SECRET);
  return service.stderr();
}

const WRONG: readonly (readonly [variable: string, value: string])[] = [
  ['PORT', '65536'],
  ['DATABASE_URL', 'mysql://localhost/agentkit'],
  ['TASK_RETRY_SCHEDULE', '1s,soon'],
  ['WEBHOOK_RETRY_SCHEDULE', '1s,,2s'],
  ['DISPATCH_TIMEOUT', '10'],
  ['OPSCORE_WEBHOOK_URL', 'ftp://ops-core/'],
  ['OPSCORE_API_URL', `http://user:${SECRET}@ops-core/`],
  ['OPSCORE_WEBHOOK_SECRET', `whsec_${SECRET}!`],
  ['OPSCORE_API_KEY', `${SECRET}\u0007`],
];

it('a wrong value stops the start with one line that names the variable, and prints no secret', async () => {
  await Promise.all(
    WRONG.map(async ([variable, value]) => {
      expect(await refusal({ [variable]: value })).toMatch(
        new RegExp(`^agentkit: ${variable}: got .+, takes .+`),
      );
    }),
  );
});

it('so does a database that is not one', async () => {
  const dir = tempDir();
  writeFileSync(join(dir, 'text.db'), 'no database\n'.repeat(100));
  mkdirSync(join(dir, 'directory.db'));
  for (const [path, reason] of [
    ['text.db', 'file is not a database'],
    ['directory.db', 'unable to open database file'],
    ['text.db/below.db', 'EEXIST'],
  ] as const) {
    expect(await refusal({ DATABASE_URL: `sqlite:${path}` }, dir)).toContain(reason);
  }
});

it('so does a port that is in use', async () => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void other.close());
  const { port } = other.address() as AddressInfo;
  expect(await refusal({ PORT: String(port) })).toMatch(
    new RegExp(`cannot listen on 127\\.0\\.0\\.1:${String(port)}: .*EADDRINUSE`),
  );
});

it('so does a database file that another process serves, which goes on undisturbed', async () => {
  const dir = tempDir();
  const first = await startService({ dir });
  expect(await refusal({ SHUTDOWN_GRACE: '100ms' }, dir)).toContain(
    'the database is in use by another process',
  );
  expect((await fetch(`${first.url}/health`)).status).toBe(200);
});
