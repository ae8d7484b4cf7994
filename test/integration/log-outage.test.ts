import { expect, it } from 'vitest';
import { freePort } from '../helpers/free-port.ts';
import { spawnService, tempDir } from '../helpers/service-process.ts';
import { eventually } from './world.ts';

/** Each write to it fails as on a full disk. */
const FULL = '/dev/full';

it('a log that cannot be written stops nobody: the service works, and ends when it is told to', async () => {
  const port = await freePort();
  const service = spawnService({
    dir: tempDir(),
    env: { PORT: String(port), SHUTDOWN_GRACE: '2s' },
    stdoutTo: FULL,
  });
  const url = `http://127.0.0.1:${String(port)}`;
  await eventually(async () => expect((await fetch(`${url}/readyz`)).status).toBe(200));
  for (let n = 0; n < 20; n += 1) expect((await fetch(`${url}/v1/agents`)).status).toBe(200);
  expect(await service.end('SIGTERM')).toEqual({ code: 0, signal: null });
});
