import { expect, it } from 'vitest';
import type { AgentRecord, RegisteredAgent } from '../../src/sdk/index.ts';
import { agentkit, dataOf } from '../helpers/cli.ts';
import { cliService } from './helpers/cli-service.ts';

const ENDPOINT = ['--endpoint', 'http://127.0.0.1:9/'];

it('registers agents, shows them by name and id, pauses, resumes and removes them', async () => {
  const { cli } = await cliService();
  const register = ['agents', 'register', 'ada', ...ENDPOINT, '--release', '2.1.0'];
  const made = await cli(
    [...register, '--capability', 'sum', 'add', '--metadata', '{"team":"x"}', '--json'],
    { handsOut: true },
  );
  expect(made.code).toBe(0);
  expect(made.stderr).toContain('the token is not shown again');
  const { agentId, signingSecret } = dataOf<RegisteredAgent>(made);
  expect(signingSecret).toMatch(/^whsec_/);
  expect(await cli(register)).toMatchObject({ code: 1, stdout: '' });
  expect((await cli([...register, '--again'], { handsOut: true })).code).toBe(0);
  await cli(['agents', 'register', 'adam', ...ENDPOINT], { handsOut: true });

  const list = await cli(['agents', 'list']);
  const [heading, ...rows] = list.stdout.trimEnd().split('\n');
  expect(heading).toMatch(/^name +status +paused +version +last seen +id$/);
  expect(rows.map((row) => row.split(/ +/)[0])).toEqual(['ada', 'adam']);
  const named = dataOf<{ agents: AgentRecord[] }>(
    await cli(['agents', 'list', '--json', '--name', 'adam']),
  );
  expect(named.agents.map(({ agentName }) => agentName)).toEqual(['adam']);

  for (const reference of ['ada', agentId]) {
    const shown = await cli(['agents', 'show', reference, '--json']);
    expect(dataOf<AgentRecord>(shown)).toMatchObject({ agentId, version: '2.1.0' });
  }
  expect((await cli(['agents', 'show', 'ada'])).stdout).toMatch(/^agentName +ada$/m);

  const paused = await cli(['agents', 'pause', 'ada', '--json']);
  expect(dataOf<AgentRecord>(paused).pausedAt).not.toBeNull();
  expect(paused.stderr).toContain('agentkit agents resume ada');
  const resumed = await cli(['agents', 'resume', 'ada', '--json']);
  expect(dataOf<AgentRecord>(resumed).pausedAt).toBeNull();

  const unasked = await cli(['agents', 'remove', 'ada']);
  expect([unasked.code, unasked.stdout]).toEqual([2, '']);
  expect(unasked.stderr).toMatch(/^agentkit: ada .* is deregistered.*: say --yes\n$/);
  expect(await cli(['agents', 'remove', 'ada'], { answer: '' })).toMatchObject({ code: 1 });
  expect(await cli(['agents', 'show', 'ada'])).toMatchObject({ code: 0 });
  expect(await cli(['agents', 'remove', 'ada'], { answer: 'y' })).toMatchObject({ code: 0 });
  expect(await cli(['agents', 'remove', 'adam', '--yes'])).toMatchObject({ code: 0 });
  const gone = await cli(['agents', 'show', 'ada']);
  expect(gone).toMatchObject({ code: 1, stdout: '' });
  expect(gone.stderr).toContain('there is no agent with the name ada');
});

it('shows what an agent brought along as text, whatever it is', async () => {
  const { cli, client } = await cliService();
  await client.registerAgent({
    agentName: 'right\u202eleft',
    version: '1',
    contactEndpoint: 'http://127.0.0.1:9/',
    metadata: { ['\x1b[2J']: 1 },
  });
  const { stdout } = await cli(['agents', 'list']);
  expect(stdout).toContain('right\\u202eleft');
  const sheet = (await cli(['agents', 'show', 'right\u202eleft'])).stdout;
  // eslint-disable-next-line no-control-regex -- it looks for them
  expect(sheet).not.toMatch(/\x1b|\u202e/);
});

it('says in one line that nobody answers, and what to set', async () => {
  const { code, stdout, stderr } = await agentkit([
    'agents',
    'list',
    '--url',
    'http://127.0.0.1:9',
  ]);
  expect([code, stdout]).toEqual([1, '']);
  expect(stderr).toMatch(/^agentkit: no answer from http:\/\/127\.0\.0\.1:9 .*AGENTKIT_URL.*\n$/);
  const nonsense = await agentkit(['agents', 'list', '--url', 'ftp://x']);
  expect(nonsense.code).toBe(1);
  expect(nonsense.stderr).toContain('http or https');
});
