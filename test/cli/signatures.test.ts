import { expect, it } from 'vitest';
import { agentkit, dataOf, type CliCircumstances } from '../helpers/cli.ts';
import { aSecret, aSigningSecret } from '../helpers/secrets.ts';

const SECRET = aSigningSecret('OPSCORE_WEBHOOK_SECRET');
const OTHER = aSecret('OPSCORE_WEBHOOK_SECRET');
const BODY = Buffer.from('{"event_type":"REGISTER","name":"Ada \u00e9"}\n');
const AT = ['--at', '2030-01-31T12:00:00Z'];

const cli = (args: readonly string[], files: CliCircumstances['files'] = {}) =>
  agentkit(args, {
    env: { OPSCORE_WEBHOOK_SECRET: SECRET },
    files: { '-': BODY, 'other.secret': `${OTHER}\n`, ...files },
    now: () => Date.parse('2030-01-31T12:01:00Z'),
  });

it('signs a body so that it verifies, by either form of the headers', async () => {
  const text = (await cli(['sign', '--id', 'evt-1', ...AT])).stdout;
  expect(text.split('\n')[0]).toBe('x-agentkit-timestamp: 1896091200');
  const json = (await cli(['sign', '--id', 'evt-1', ...AT, '--json'])).stdout;
  for (const headers of [text, `HTTP/1.1 200 OK\r\n${text}`, json]) {
    const { code, stdout } = await cli(['verify', '--headers', 'h'], { h: headers });
    expect([code, stdout]).toEqual([
      0,
      'it verifies: signed at 2030-01-31T12:00:00.000Z, id evt-1\n',
    ]);
  }
  const given = Object.entries(JSON.parse(json) as Record<string, string>).flatMap(
    ([name, value]) => ['--header', `${name.toUpperCase()}: ${value}`],
  );
  expect(dataOf(await cli(['verify', '--json', ...given]))).toMatchObject({
    ok: true,
    id: 'evt-1',
  });
  // Each time a new id, unless one is given.
  expect((await cli(['sign', ...AT])).stdout).not.toBe((await cli(['sign', ...AT])).stdout);
});

it('says why a body does not verify, with exit code 1', async () => {
  const h = (await cli(['sign', ...AT])).stdout;
  const verdict = async (args: readonly string[], files: CliCircumstances['files'] = {}) => {
    const { code, stdout } = await cli(['verify', '--json', ...args], { h, ...files });
    return [code, (JSON.parse(stdout) as { reason?: string }).reason];
  };
  expect(await verdict(['--headers', 'h'], { '-': '{}' })).toEqual([1, 'signature_mismatch']);
  const other = ['--headers', 'h', '--secret-file', 'other.secret'];
  expect(await verdict(other)).toEqual([1, 'signature_mismatch']);
  expect(await verdict([])).toEqual([1, 'missing_signature']);
  const late = ['--headers', 'h', '--at', '2030-01-31T13:00:00Z'];
  expect(await verdict(late)).toEqual([1, 'timestamp_out_of_tolerance']);
  expect(await verdict([...late, '--tolerance', '1h'])).toEqual([0, undefined]);
  const people = await cli(['verify', ...late], { h });
  expect(people.stdout).toMatch(/^it does not verify \(timestamp_out_of_tolerance\): .*--at/);
});

it('takes a secret from the environment or a file, and from no option', async () => {
  const wrong: readonly (readonly [readonly string[], RegExp])[] = [
    [['sign', '--secret-file', 'nowhere'], /cannot read nowhere/],
    [['sign', '--secret-file', 'empty'], /empty: there is no secret/],
    [['sign', '--secret-file', 'broken'], /broken: takes a text/],
    [['sign', 'nowhere'], /cannot read nowhere/],
    [['sign', '--secret', 'x'], /unknown option/],
    [['verify', '--header', 'x'], /--header: takes/],
    [['verify', '--headers', 'half'], /--headers: half is no JSON/],
  ];
  for (const [args, said] of wrong) {
    const files = { empty: ' \n', broken: 'whsec_!', half: '{' };
    const { code, stdout, stderr } = await cli(args, files);
    expect([args, code, stdout]).toEqual([args, 2, '']);
    expect(stderr).toMatch(said);
  }
  expect((await agentkit(['sign'], { files: { '-': BODY } })).stderr).toContain(
    'OPSCORE_WEBHOOK_SECRET: there is no secret',
  );
});
