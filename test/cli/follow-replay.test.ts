import { expect, it } from 'vitest';
import { agentkit, dataOf } from '../helpers/cli.ts';
import { httpReceiver } from '../helpers/http-receiver.ts';

/** A service of which nothing is asked but how far a replay is. */
async function replaying(answer: (asked: number) => { status: number; data?: object }) {
  let asked = 0;
  return httpReceiver((response) => {
    const { status, data } = answer((asked += 1));
    const body =
      data === undefined
        ? { status: 'error', message: 'No.', error_code: 'draining' }
        : { status: 'success', message: '', data };
    const headers = { 'content-type': 'application/json', 'retry-after': '0' };
    response.writeHead(status, headers).end(JSON.stringify(body));
  });
}

const replay = { replayId: 'r1', total: 500, skipped: 0 };
const running = { status: 200, data: { ...replay, state: 'running', replayed: 200 } };
const FOLLOW = ['deliveries', 'replay', '--follow', 'r1', '--json'];

it('Ctrl-C ends the watching alone, and says how to go on with it', async () => {
  const ctrlC = new AbortController();
  const { url } = await replaying((asked) => {
    if (asked === 3) ctrlC.abort();
    return running;
  });
  const followed = await agentkit([...FOLLOW, '--url', url], { interrupted: ctrlC.signal });
  expect(followed).toMatchObject({ code: 130, stdout: '' });
  expect(followed.stderr).toContain(
    'it goes on by itself; to watch it: agentkit deliveries replay',
  );
});

it('waits for a service that is away, says so once, and gives up on what does not pass', async () => {
  const away = { status: 503 };
  const done = { status: 200, data: { ...replay, state: 'done', replayed: 500 } };
  const { url } = await replaying((asked) =>
    asked < 3 ? running : asked < 6 ? away : asked < 7 ? running : done,
  );
  const followed = await agentkit([...FOLLOW, '--url', url]);
  expect(followed.code).toBe(0);
  expect(dataOf(followed)).toMatchObject({ replay: { state: 'done', replayed: 500 } });
  expect(followed.stderr).toBe('the service does not answer; waiting for it\n');

  const other = await httpReceiver((response) => response.writeHead(404).end('not here'));
  const lost = await agentkit([...FOLLOW, '--url', other.url]);
  expect(lost).toMatchObject({ code: 1, stdout: '' });
  expect(lost.stderr).toContain('is the URL right?');
});
