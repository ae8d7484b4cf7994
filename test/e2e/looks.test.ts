import { AxeBuilder } from '@axe-core/playwright';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { status } from '../helpers/agent-server.ts';
import { eventually } from '../helpers/eventually.ts';
import { loaded, SCREENSHOTS, withBrowser } from './helpers/browser.ts';
import { startScene } from './helpers/scene.ts';

const open = withBrowser();

/** A service in the night: webhooks fail, a task waits, one was delivered, an agent is paused. */
async function night() {
  const scene = await startScene();
  const { service, opscore, agent } = scene;
  const [planner = '', writer = ''] = await scene.register(['planner', 'writer', 'critic']);
  await eventually(async () => (await scene.count('state=delivered')) === 3);
  opscore.fail = () => 503;
  const [late = ''] = await scene.register(['archivist', 'translator']);
  await eventually(async () => (await scene.count('state=dead')) === 2);
  const delivered = await scene.run(planner);
  await scene.inState(delivered, 'delivered');
  agent.behave = status(500, { body: 'out of memory' });
  const failing = await scene.run(writer, 'draft a chapter');
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
      nowhere: '/dashboard/no/such/place',
    },
  };
}

describe('every page', () => {
  it.each(['light', 'dark'] as const)('in the %s theme is fit for everybody', async (theme) => {
    const { service, places } = await night();
    const { page, watch } = await open(service.url, { colorScheme: theme });
    watch.expected.add(404);
    for (const [name, path] of Object.entries(places)) {
      await page.goto(path);
      await page.locator('h1').waitFor();
      await loaded(page);
      const { violations } = await new AxeBuilder({ page }).analyze();
      const serious = violations.filter(
        ({ impact }) => impact === 'serious' || impact === 'critical',
      );
      expect(
        serious.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`)),
        `${name}, ${theme}`,
      ).toEqual([]);
      for (const width of [1280, 390]) {
        await page.setViewportSize({ width, height: 900 });
        const path = join(SCREENSHOTS, `${name}-${theme}-${width}.png`);
        await page.screenshot({ path, fullPage: true });
        const overflow = await page.evaluate<number>(
          'document.documentElement.scrollWidth - document.documentElement.clientWidth',
        );
        expect(overflow, `${name} at ${width} px is wider than the screen`).toBe(0);
      }
      await page.setViewportSize({ width: 1280, height: 900 });
    }
  });
});
