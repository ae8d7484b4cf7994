import { expect, it } from 'vitest';
import { status } from '../helpers/agent-server.ts';
import { eventually } from '../helpers/eventually.ts';
import { loaded, withBrowser } from './helpers/browser.ts';
import { lookAt } from './helpers/look.ts';
import { startScene } from './helpers/scene.ts';

const open = withBrowser();

/** A service in the night: webhooks fail, a task waits, one was delivered, an agent is paused. */
async function night() {
  const scene = await startScene();
  const { service, opscore, agent } = scene;
  const [planner = '', writer = ''] = await scene.register(['planner', 'writer', 'critic']);
  await eventually(async () => (await scene.count('state=delivered')) === 3);
  opscore.fail = () => 503;
  const [late = ''] = await scene.register(['archivist', 'x'.repeat(200)]);
  await eventually(async () => (await scene.count('state=dead')) === 2);
  const delivered = await scene.run(planner);
  await scene.inState(delivered, 'delivered');
  agent.behave = status(500, { body: 'out of memory' });
  const failing = await scene.run(writer, `draft-${'y'.repeat(150)}`);
  await eventually(async () => (await scene.count('error_class=http_status&kind=task')) === 1);
  await service.call('POST', `/v1/agents/${late}/pause`);
  await scene.run(late, 'index');
  const replay = await service.call('POST', '/v1/replays', { body: { filter: { kind: 'task' } } });
  const { replayId } = replay.json.data as { replayId: string };
  return {
    ...scene,
    places: {
      overview: '/dashboard',
      agents: '/dashboard/agents',
      agent: `/dashboard/agents/${late}`,
      tasks: '/dashboard/tasks',
      webhooks: '/dashboard/webhooks',
      'dead-letters': '/dashboard/dead-letters',
      delivery: `/dashboard/deliveries/${failing}`,
      replays: '/dashboard/replays',
      replay: `/dashboard/replays/${replayId}`,
    },
  };
}

it('every page is fit for everybody, in either theme, on a desk and on a telephone', async () => {
  const { service, places } = await night();
  const { page, watch } = await open(service.url);
  watch.expected.add(404);
  for (const [name, path] of Object.entries(places)) {
    await page.goto(path);
    await page.locator('h1').waitFor();
    await loaded(page);
    await lookAt(page, name);
  }
  await page.goto('/dashboard');
  await page.getByRole('button', { name: 'Send again' }).first().click();
  await page.getByText('are scheduled again').waitFor();
  await lookAt(page, 'send-again');
});

it('the theme is chosen by a switch, and stays chosen', async () => {
  const { service } = await startScene();
  const { page } = await open(service.url, { colorScheme: 'light' });
  const background = () =>
    page.evaluate<string>('getComputedStyle(document.documentElement).backgroundColor');
  await page.goto('/dashboard');
  const theme = page.getByRole('combobox', { name: 'Theme' });
  await theme.waitFor();
  const light = await background();
  await theme.selectOption('dark');
  const dark = await background();
  expect(dark).not.toBe(light);
  await page.reload();
  await theme.waitFor();
  expect(await background()).toBe(dark);
  await theme.selectOption('system');
  expect(await background()).toBe(light);
});
