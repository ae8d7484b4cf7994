import { describe, expect, it } from 'vitest';
import { spawnAgentkit } from '../helpers/cli.ts';
import { eventually } from '../helpers/eventually.ts';
import { tempDir } from '../helpers/temp-dir.ts';

/** Makes Node say of itself that it is another. */
const claiming = (version: string) => [
  '--import',
  `data:text/javascript,Object.defineProperty(process,'versions',{value:{...process.versions,node:'${version}'}})`,
];

const ready = (text: string) => /"url":"([^"]+)".*"msg":"the service is ready"/.exec(text)?.[1];

describe('agentkit serve', () => {
  it.each([
    ['on this Node', []],
    ['from a Node that is too old, on the pinned one', claiming('20.20.2')],
  ])('runs the service %s, and ends with it', async (_, node) => {
    const service = spawnAgentkit(['serve'], {
      node,
      cwd: tempDir(),
      env: { PORT: '0', SHUTDOWN_GRACE: '2s' },
    });
    await eventually(() => ready(service.stdout()) !== undefined, 'the service is ready');
    expect((await fetch(`${ready(service.stdout())}/readyz`)).status).toBe(200);
    service.child.kill('SIGTERM');
    const { code, stdout, stderr } = await service.ended;
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toContain('"msg":"shut down"');
  });
});

it.each(['22.19.9', '20.20.2', '4.0.0'])('starts another Node than %s', async (version) => {
  const { ended } = spawnAgentkit(['--version'], { node: claiming(version) });
  expect(await ended).toMatchObject({ code: 0, stderr: '' });
});

it('passes on the exit code from the pinned Node', async () => {
  const { ended } = spawnAgentkit(['nope'], { node: claiming('20.20.2') });
  expect((await ended).code).toBe(2);
});

it('ends quietly when nobody reads on', async () => {
  const { child, ended } = spawnAgentkit(['--help']);
  child.stdout?.destroy();
  expect((await ended).code).toBe(0);
});
