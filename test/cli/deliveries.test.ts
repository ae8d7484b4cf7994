import { expect, it } from 'vitest';
import type { StatusReport } from '../../src/cli/status/report.ts';
import type { DeliveryRecord, DeliverySummary, ReplayRecord } from '../../src/sdk/index.ts';
import { dataOf } from '../helpers/cli.ts';
import { eventually } from '../helpers/eventually.ts';
import { startFakeOpscore } from '../helpers/fake-opscore.ts';
import { cliService } from './helpers/cli-service.ts';

interface Listed {
  readonly deliveries: DeliverySummary[];
  readonly nextCursor: string | null;
}

/** A service whose Ops-Core refuses two webhooks for good, and has one wait. */
async function broken() {
  const opscore = await startFakeOpscore();
  opscore.fail = ({ bytes }) => (bytes.includes('"waits"') ? 503 : 401);
  const kit = await cliService({ ...opscore.env, WEBHOOK_RETRY_SCHEDULE: '1h' });
  const register = (agentName: string) =>
    kit.client.registerAgent({ agentName, version: '1', contactEndpoint: 'http://127.0.0.1:9/' });
  for (const name of ['dead-1', 'dead-2', 'waits']) await register(name);
  const states = async () =>
    (await kit.client.listDeliveries({ errorClass: 'http_status' })).deliveries.map(
      ({ state }) => state,
    );
  await eventually(
    async () => (await states()).sort().join() === 'dead,dead,scheduled',
    'the webhooks failed',
  );
  return { ...kit, opscore };
}

it('status shows what fails and why; a replay counts, asks, and sends all of it again', async () => {
  const { cli, opscore } = await broken();
  const status = await cli(['status']);
  expect(status.code).toBe(0);
  expect(status.stdout).toMatch(/^agents +3 online$/m);
  expect(status.stdout).toMatch(/^waiting +1 webhook, the oldest for \d+s$/m);
  expect(status.stdout).toMatch(/^webhook +dead +http_401 +2 +\d+s +Ops-Core refuses the sig/m);
  expect(status.stdout).toMatch(/^webhook +scheduled +http_503 +1 .* Ops-Core fails/m);
  expect(status.stderr).toContain('agentkit deliveries replay --kind webhook');
  const { overview, example } = dataOf<StatusReport>(await cli(['status', '--json']));
  expect(overview.failing).toMatchObject([
    { kind: 'webhook', state: 'dead', lastError: 'http_401', count: 2, more: false },
    { kind: 'webhook', state: 'scheduled', lastError: 'http_503', count: 1 },
  ]);
  expect(status.stderr).toContain(`agentkit deliveries show ${String(example)}\n`);

  const replay = ['deliveries', 'replay', '--kind', 'webhook'];
  const due = { deadLetters: 2, waiting: 1 };
  const counts = async (...options: string[]) =>
    dataOf(await cli([...replay, '--dry-run', '--json', ...options]));
  expect(await counts()).toEqual(due);
  expect(await counts('--dead')).toEqual({ deadLetters: 2, waiting: 0 });
  expect(await counts('--error', 'timeout')).toEqual({ deadLetters: 0, waiting: 0 });
  expect(await counts('--agent', 'dead-1', '--since', '1h')).toEqual({
    deadLetters: 1,
    waiting: 0,
  });

  // It is not mended yet, and says so; nobody is there who could be asked.
  const unasked = await cli(replay);
  expect([unasked.code, unasked.stdout]).toEqual([2, '']);
  expect(unasked.stderr).toContain('webhooks do not arrive yet: Ops-Core answers 401');
  expect(unasked.stderr).toContain('2 dead letters, and 1 that wait for another attempt.');
  expect((await cli(replay, { answer: 'no' })).code).toBe(1);
  expect(await counts()).toEqual(due);

  opscore.fail = () => undefined;
  const done = await cli(replay, { answer: 'yes', terminal: true });
  expect(done.code).toBe(0);
  expect(done.stderr).not.toContain('do not arrive yet');
  expect(done.stderr).toMatch(/replayed \[=+\] 2\/2/);
  expect(done.stdout).toMatch(/^scheduled again +2$/m);
  expect(done.stdout).toMatch(/^sent at once +1$/m);
  await eventually(() => opscore.events().length === 3, 'all have arrived');
  await eventually(async () => (await cli(['status'])).stdout.includes('Nothing fails.'));

  const followed = await cli(['deliveries', 'replay', '--follow', '--json']);
  const { replay: last } = dataOf<{ replay: ReplayRecord }>(followed);
  expect(last).toMatchObject({ state: 'done', total: 2, replayed: 2 });
  const byId = await cli(['deliveries', 'replay', '--follow', last.replayId]);
  expect(byId.stdout).toContain(last.replayId);
  // Again, there is nothing to do, and nothing is asked.
  expect(dataOf(await cli([...replay, '--json']))).toEqual({ deadLetters: 0, waiting: 0 });
});

it('lists deliveries page by page, shows one, sends it again and cancels it', async () => {
  const { cli } = await broken();
  const list = async (...options: string[]) =>
    dataOf<Listed>(await cli(['deliveries', 'list', '--json', ...options]));
  const all = await list();
  expect(all.deliveries).toHaveLength(3);
  expect(all.nextCursor).toBeNull();
  const first = await list('--limit', '2');
  const rest = await list('--limit', '2', '--cursor', first.nextCursor ?? '');
  expect([...first.deliveries, ...rest.deliveries]).toEqual(all.deliveries);
  const partly = await cli(['deliveries', 'list', '--limit', '2']);
  expect(partly.stderr).toBe('these are 2, there are more\n');
  const waiting = (await list('--state', 'scheduled')).deliveries[0];

  const id = waiting?.deliveryId ?? '';
  const sheet = (await cli(['deliveries', 'show', id])).stdout;
  expect(sheet).toMatch(/^waits for +next_attempt$/m);
  expect(sheet).toMatch(/^ +1 {2}\S+ {2}retry +503 +\d+/m);
  const shown = dataOf<DeliveryRecord>(await cli(['deliveries', 'show', id, '--json']));
  expect(shown.attempts).toHaveLength(1);

  expect((await cli(['deliveries', 'retry', id])).code).toBe(0);
  await eventually(
    async () =>
      dataOf<DeliveryRecord>(await cli(['deliveries', 'show', id, '--json'])).attemptCount === 2,
  );
  const cancelled = await cli(['deliveries', 'cancel', id, '--json']);
  expect(dataOf<DeliveryRecord>(cancelled).state).toBe('cancelled');
  expect(await cli(['deliveries', 'show', 'nope'])).toMatchObject({ code: 1, stdout: '' });
  for (const wrong of [
    ['--kind', 'mail'],
    ['--limit', '0'],
    ['--limit', 'x'],
  ]) {
    expect(await cli(['deliveries', 'list', ...wrong])).toMatchObject({ code: 2, stdout: '' });
  }
});
