import { expect, it } from 'vitest';
import { spawnAgentkit } from '../../helpers/cli.ts';
import { eventually } from '../../helpers/eventually.ts';
import { freePort } from '../../helpers/free-port.ts';
import { aSecret, ENCRYPTION_KEY } from '../../helpers/secrets.ts';
import { tempDir } from '../../helpers/temp-dir.ts';

it('a newcomer sees the whole flow from two terminals, in under a minute', async () => {
  const cwd = tempDir();
  const env = {
    PORT: String(await freePort()),
    // Where nobody has set it, the signing secrets lie in the clear, and the search would find them.
    AGENTKIT_ENCRYPTION_KEY: ENCRYPTION_KEY,
  };
  const began = performance.now();
  const first = spawnAgentkit(['listen', '--serve', '--agent', 'echo', '--port', '0'], {
    cwd,
    env,
  });
  await eventually(() => first.stderr().includes('echo takes tasks'), 'the agent is there');
  // It says what to type.
  const typed = /in another terminal: agentkit (.*)/.exec(first.stderr())?.[1]?.split(' ') ?? [];
  const second = spawnAgentkit([...typed, '--parameters', '{"name":"Ada"}'], { cwd, env });
  const { code, stdout } = await second.ended;
  expect([code, stdout]).toEqual([0, expect.stringContaining('greet: delivered')]);
  await eventually(() => first.stdout().includes('finished'), 'the agent has reported');
  first.child.kill('SIGINT');
  const { code: end, stdout: story } = await first.ended;
  expect(performance.now() - began).toBeLessThan(60_000);
  expect(end).toBe(0);
  const lines = [
    'webhook  REGISTER    echo  verified',
    'task     greet       echo  {"name":"Ada"}',
  ];
  for (const line of [...lines, 'webhook  DEREGISTER  echo  verified']) {
    expect(story).toContain(line);
  }
  expect(story).toMatch(/state {4}finished {4}echo {2}.*"result":\{"echo":\{"name":"Ada"\}\}/);
});

it('a listener that nobody reads any more ends in order, and that is no failure', async () => {
  const env = { OPSCORE_WEBHOOK_SECRET: aSecret('OPSCORE_WEBHOOK_SECRET') };
  const listening = spawnAgentkit(['listen', '--port', '0'], { cwd: tempDir(), env });
  const url = () => /^listening at (\S+);/m.exec(listening.stderr())?.[1];
  await eventually(() => url() !== undefined, 'it listens');
  listening.child.stdout?.destroy();
  // Its answer may be cut off.
  await fetch(url() ?? '', { method: 'POST' }).catch(() => undefined);
  expect((await listening.ended).code).toBe(0);
});
