import { expect, it } from 'vitest';
import { agentkit, dataOf, type CliCircumstances, type CliResult } from '../helpers/cli.ts';
import { eventually } from '../helpers/eventually.ts';
import { httpReceiver } from '../helpers/http-receiver.ts';
import { ENCRYPTION_KEY, aSecret } from '../helpers/secrets.ts';
import { tempDir } from '../helpers/temp-dir.ts';

const SECRET = aSecret('OPSCORE_WEBHOOK_SECRET');
const API_KEY = aSecret('OPSCORE_API_KEY');
const KEYS = { OPSCORE_WEBHOOK_SECRET: SECRET, OPSCORE_API_KEY: API_KEY };

interface Listening {
  readonly url: string;
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** What was told, with --json. */
  readonly told: () => Record<string, unknown>[];
  readonly end: () => Promise<CliResult>;
}

async function listen(args: readonly string[], given: CliCircumstances = {}): Promise<Listening> {
  const ctrlC = new AbortController();
  const said = { stdout: '', stderr: '' };
  const running = agentkit(['listen', '--port', '0', ...args], {
    ...given,
    interrupted: ctrlC.signal,
    onStdout: (text) => (said.stdout += text),
    onStderr: (text) => (said.stderr += text),
  });
  const at = () => /^listening at (\S+);/m.exec(said.stderr)?.[1];
  await Promise.race([eventually(() => at() !== undefined, 'it listens'), running]);
  return {
    url: at() ?? '',
    stdout: () => said.stdout,
    stderr: () => said.stderr,
    told: () =>
      said.stdout
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line) as Record<string, unknown>),
    end: () => {
      ctrlC.abort();
      return running;
    },
  };
}

/** A webhook as the service would send it. */
async function send(url: string, body: string, secret = SECRET): Promise<number> {
  const env = { OPSCORE_WEBHOOK_SECRET: secret };
  const signed = await agentkit(['sign', '--json'], { env, files: { '-': body } });
  return (await fetch(url, { method: 'POST', headers: dataOf(signed), body })).status;
}

const EVENT = '{"event_type":"REGISTER","agent_details":{"agentId":"a1","agentName":"ada\\u001b"}}';

it('takes what verifies, refuses the rest, and tells of each', async () => {
  const listening = await listen(['--json'], { env: KEYS });
  expect(await send(listening.url, EVENT)).toBe(202);
  expect(await send(listening.url, '{"ping":true}')).toBe(202);
  expect(await send(listening.url, EVENT, aSecret('another secret'))).toBe(401);
  expect(await send(listening.url, 'no JSON')).toBe(400);
  expect(await send(`${listening.url}/elsewhere`, EVENT)).toBe(404);
  expect((await fetch(listening.url)).status).toBe(405);
  const states = new URL('/v1/opscore/agent/a1/state', listening.url);
  const report = (key: string) =>
    fetch(states, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}` },
      body: '{"agentId":"a1","state":"idle","details":{}}',
    });
  expect((await report(API_KEY)).status).toBe(202);
  expect((await report('wrong')).status).toBe(401);
  expect(listening.told()).toMatchObject([
    { type: 'webhook', status: 202, body: JSON.parse(EVENT) as unknown },
    { type: 'webhook', status: 202, body: { ping: true } },
    { type: 'refused', why: 'signature_mismatch', status: 401 },
    { type: 'refused', why: 'no_json_object', status: 400 },
    { type: 'refused', why: 'wrong_path', path: '/webhook/elsewhere', status: 404 },
    { type: 'refused', why: 'wrong_method', status: 405 },
    { type: 'state', agentId: 'a1', status: 202, body: { state: 'idle' } },
    { type: 'refused', why: 'wrong_key', status: 401 },
  ]);
  expect((await listening.end()).code).toBe(0);
  await expect(fetch(listening.url)).rejects.toThrow();
});

it('sends what verifies on as it came, and answers as that answers', async () => {
  const target = await httpReceiver((response) => response.writeHead(418).end());
  const forwarding = await listen(['--forward-to', `${target.url}/hook`], { env: KEYS });
  expect(await send(forwarding.url, EVENT)).toBe(418);
  expect(await send(forwarding.url, EVENT, aSecret('another secret'))).toBe(401);
  const [received, ...more] = target.received;
  expect(more).toEqual([]);
  expect([received?.url, received?.body.toString()]).toEqual(['/hook', EVENT]);
  const headers = JSON.stringify(received?.headers);
  const verified = await agentkit(['verify', '--headers', 'h'], {
    env: KEYS,
    files: { '-': EVENT, h: headers },
  });
  expect(verified.code).toBe(0);
  // What others wrote is shown as text.
  expect(forwarding.stdout()).toMatch(/ webhook {2}REGISTER {4}ada\\u001b {2}verified, \S+: 418\n/);
  await forwarding.end();

  const nobody = await listen(['--forward-to', 'http://127.0.0.1:9/'], { env: KEYS });
  expect(await send(nobody.url, EVENT)).toBe(502);
  await nobody.end();
});

it('tells the first report of an agent behind the event that tells its name', async () => {
  const listening = await listen([], { env: KEYS });
  const report = async (agentId: string) => {
    const url = new URL(`/v1/opscore/agent/${agentId}/state`, listening.url);
    const headers = { authorization: `Bearer ${API_KEY}` };
    await fetch(url, { method: 'POST', headers, body: '{"state":"idle","details":{"x":1}}' });
  };
  await report('a1');
  await report('unknown');
  expect(await send(listening.url, EVENT)).toBe(202);
  await report('a1');
  await eventually(() => listening.stdout().includes('unknown'), 'what stays unknown is told');
  expect(listening.stdout().replaceAll(/^\S+ {2}/gm, '')).toBe(
    [
      'webhook  REGISTER    ada\\u001b  verified',
      'state    idle        ada\\u001b  {"x":1}',
      'state    idle        ada\\u001b  {"x":1}',
      'state    idle        unknown  {"x":1}',
      '',
    ].join('\n'),
  );
  await listening.end();
});

it('says what to set where the service does not send here, and which port is taken', async () => {
  const first = await listen([], { env: KEYS });
  const origin = new URL(first.url).origin;
  expect(first.stderr()).toContain('for the service to send here, put this into its .env:\n');
  expect(first.stderr()).toContain(`OPSCORE_WEBHOOK_URL=${first.url}\n`);
  const told = {
    ...KEYS,
    OPSCORE_WEBHOOK_URL: `${origin}/webhook`,
    OPSCORE_API_URL: origin,
  };
  const taken = await agentkit(['listen'], { env: told });
  expect(taken).toMatchObject({ code: 1, stdout: '' });
  expect(taken.stderr).toMatch(/^agentkit: cannot listen on port \d+: .*; --port says another\n$/);
  await first.end();
  // As the service has it, by the same .env.
  const ctrlC = AbortSignal.abort();
  const again = await agentkit(['listen'], { env: told, interrupted: ctrlC });
  expect(again).toMatchObject({ code: 0, stderr: `listening at ${first.url}; Ctrl-C ends it\n` });
  for (const wrong of [
    ['--forward-to', 'x'],
    ['--serve', '--url', 'http://127.0.0.1:9'],
  ]) {
    expect(await agentkit(['listen', ...wrong])).toMatchObject({ code: 2, stdout: '' });
  }
  // What waits for the Ops-Core of this environment is not to end here.
  for (const name of ['OPSCORE_WEBHOOK_URL', 'OPSCORE_API_URL']) {
    const env = { ...KEYS, [name]: 'https://opscore.example/x' };
    const { code, stderr } = await agentkit(['listen', '--serve'], { env });
    expect([code, stderr]).toEqual([
      2,
      expect.stringContaining(`--serve: ${name} leads to another machine`),
    ]);
  }
  const exposed = await agentkit(['listen', '--serve', '--port', '0'], {
    env: { HOST: '0.0.0.0', PORT: '0', DATABASE_URL: `sqlite:${tempDir()}/x.db` },
  });
  expect(exposed.code).toBe(1);
  expect(exposed.stderr).toContain('agentkit: HOST: got "0.0.0.0" without any key');
});

it('with --serve and --agent brings all that there is to try, and takes its leave in order', async () => {
  const env = {
    ...KEYS,
    PORT: '0',
    DATABASE_URL: `sqlite:${tempDir()}/agentkit.db`,
    AGENTKIT_ENCRYPTION_KEY: ENCRYPTION_KEY,
  };
  const listening = await listen(['--serve', '--agent', 'echo', '--json'], { env });
  await eventually(() => listening.stderr().includes('echo takes tasks'), 'the agent is there');
  const AGENTKIT_URL = /the service is ready at (\S+)/.exec(listening.stderr())?.[1] ?? '';
  expect(listening.stderr()).toContain(`--wait --url ${AGENTKIT_URL}\n`);
  const run = await agentkit(
    ['run', 'echo', '--task', 'greet', '--parameters', '{"name":"Ada"}', '--wait'],
    { env: { AGENTKIT_URL } },
  );
  expect(run.code).toBe(0);
  const finished = () =>
    listening
      .told()
      .find(({ body }) => (body as { state?: string } | undefined)?.state === 'finished');
  await eventually(() => finished() !== undefined, 'the agent has reported');
  expect(finished()).toMatchObject({ body: { details: { result: { echo: { name: 'Ada' } } } } });
  expect((await listening.end()).code).toBe(0);
  const events = listening.told().filter(({ type }) => type === 'webhook');
  expect(events.map(({ body }) => (body as { event_type: string }).event_type)).toEqual([
    'REGISTER',
    'DEREGISTER',
  ]);
});
