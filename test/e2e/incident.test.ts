import { expect, it } from 'vitest';
import { freePort } from '../helpers/free-port.ts';
import { inParallel } from '../helpers/in-parallel.ts';
import { eventually, startWorld } from '../integration/world.ts';
import { withBrowser } from './helpers/browser.ts';

const open = withBrowser();

const EVENTS = 500;

it('a broken Ops-Core with 500 events waiting: seen, mended, and all replayed in two actions, over kill -9', async () => {
  const port = String(await freePort());
  const world = await startWorld({ WEBHOOK_RETRY_SCHEDULE: '1h', PORT: port });
  const { opscore } = world;
  // Some are given up at once, the others are to be tried again in an hour.
  opscore.fail = ({ bytes }) => (bytes.includes('agent-0') ? 401 : 503);
  await inParallel(EVENTS, 16, (n) =>
    world.register('http://127.0.0.1:9/', { agentName: `agent-${String(n).padStart(3, '0')}` }),
  );
  const { page, watch } = await open(world.service().url);
  await page.goto('/dashboard');

  // What fails, why, and how many.
  const fault = page.getByRole('listitem').filter({ hasText: 'Webhooks: answered' });
  await fault.getByText('answered with 503, answered with 401').waitFor();
  await fault.getByRole('link', { name: '400 waiting' }).waitFor();
  await fault.getByRole('link', { name: '100 dead' }).waitFor();
  await page.getByRole('button', { name: 'Ping the webhook' }).click();
  await page.getByText('It does not work.').waitFor();

  // The mend, after which the first event that comes again finds the service killed in the middle of its replay.
  let killed: Promise<unknown> | undefined;
  opscore.fail = () => {
    killed ??= world.kill();
    return undefined;
  };
  watch.expected.add(0);
  await fault.getByRole('button', { name: 'Send again' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByText('100 dead letters are scheduled again').waitFor();
  await dialog.getByText('400 that wait for their next attempt are tried now').waitFor();
  await dialog.getByRole('button', { name: 'Send 500 again' }).click();

  await eventually(() => expect(killed).toBeDefined());
  await killed;
  await world.restart();

  // The page comes back by itself, and shows that the replay went on.
  await page.getByRole('heading', { name: 'Replay', exact: true }).waitFor();
  await page.getByText('100 of 100').waitFor();
  await page.getByText('done', { exact: true }).waitFor();
  await eventually(() => {
    const arrived = opscore.events().map(({ agent_details: { agentId } }) => agentId);
    expect(new Set(arrived).size).toBe(EVENTS);
  });
  await page.getByRole('link', { name: 'Overview' }).click();
  await page.getByText('Nothing fails.').waitFor();
});
