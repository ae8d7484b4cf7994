import { expect, it } from 'vitest';
import { whereabouts } from '../../src/cli/connection.ts';
import type { ApiKeyRecord } from '../../src/sdk/index.ts';
import { dataOf } from '../helpers/cli.ts';
import { aSecret } from '../helpers/secrets.ts';
import { cliService } from './helpers/cli-service.ts';

const ADMIN = aSecret('AGENTKIT_API_KEYS');
const READ = aSecret('AGENTKIT_API_KEYS');
const KEYS = `ops:admin:${ADMIN},watch:read:${READ}`;

it('makes, lists, replaces and ends keys; a key alone goes to stdout, once', async () => {
  const { cli } = await cliService({ AGENTKIT_API_KEYS: KEYS }, ADMIN);
  const made = await cli(['keys', 'create', 'fleet', '--scope', 'register'], { handsOut: true });
  expect(made).toMatchObject({ code: 0 });
  expect(made.stdout).toMatch(/^agk_\S+\n$/);
  expect(made.stderr).toContain('it is not shown again');
  const key = made.stdout.trim();

  const rotated = await cli(['keys', 'rotate', 'fleet', '--overlap', '1h'], { handsOut: true });
  expect(rotated.stdout).toMatch(/^agk_\S+\n$/);
  expect(rotated.stdout.trim()).not.toBe(key);
  expect(rotated.stderr).toContain('the old one works until');

  const { keys } = dataOf<{ keys: ApiKeyRecord[] }>(await cli(['keys', 'list', '--json']));
  expect(keys.map(({ name, source }) => [name, source])).toEqual([
    ['ops', 'environment'],
    ['watch', 'environment'],
    ['fleet', 'store'],
  ]);
  const table = (await cli(['keys', 'list'])).stdout;
  expect(table).toMatch(/^fleet +register +agk_/m);
  expect(table).not.toContain(key);

  expect(await cli(['keys', 'revoke', 'fleet'])).toMatchObject({ code: 2, stdout: '' });
  expect(await cli(['keys', 'revoke', 'fleet', '--yes'])).toMatchObject({
    code: 0,
    stdout: 'fleet is revoked\n',
  });
  expect(await cli(['keys', 'create', 'x', '--scope', 'root'])).toMatchObject({ code: 2 });
  expect(await cli(['keys', 'rotate', 'ops', '--overlap', 'soon'])).toMatchObject({ code: 2 });
});

it('says which key is wanted, and shows none that stands on the command line', async () => {
  const { cli } = await cliService({ AGENTKIT_API_KEYS: KEYS });
  const refused = await cli(['keys', 'list']);
  expect(refused).toMatchObject({ code: 1, stdout: '' });
  expect(refused.stderr).toMatch(/^agentkit: 401 unauthorized: .*AGENTKIT_API_KEY/);
  const forbidden = await cli(['keys', 'list'], { env: { AGENTKIT_API_KEY: READ } });
  expect(forbidden.stderr).toMatch(/^agentkit: 403 forbidden: .*another scope/);
  expect(await cli(['keys', 'list', '--api-key', 'x'])).toMatchObject({ code: 2 });
});

it('finds the service of its own environment, and shows an admin key to that alone', () => {
  const env = { HOST: '0.0.0.0', PORT: '8123', AGENTKIT_API_KEYS: KEYS };
  expect(whereabouts(env)).toEqual({ url: 'http://127.0.0.1:8123', apiKey: ADMIN, isOwn: true });
  const elsewhere = { url: 'https://kit.example', apiKey: undefined, isOwn: false };
  expect(whereabouts(env, 'https://kit.example')).toEqual(elsewhere);
  expect(whereabouts({ ...env, AGENTKIT_URL: 'https://kit.example' })).toEqual(elsewhere);
  const named = whereabouts({ ...env, AGENTKIT_URL: 'http://127.0.0.1:8123/v1' });
  expect(named).toMatchObject({ apiKey: ADMIN, isOwn: true });
  expect(whereabouts(env, 'http://127.0.0.1:8124').apiKey).toBeUndefined();
  const given = whereabouts({ ...env, AGENTKIT_API_KEY: READ });
  expect(given.apiKey).toBe(READ);
  expect(whereabouts({ HOST: '::1', PORT: '0' }).url).toBe('http://[::1]:8000');
  expect(whereabouts({}).url).toBe('http://127.0.0.1:8000');
  expect(whereabouts({ AGENTKIT_API_KEYS: `a:read:${READ}` }).apiKey).toBeUndefined();
});
