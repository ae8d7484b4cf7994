import { describe, expect, it } from 'vitest';
import { aSecret } from '../helpers/secrets.ts';
import { loaded, withBrowser } from './helpers/browser.ts';
import { lookAt } from './helpers/look.ts';
import { startScene } from './helpers/scene.ts';

const open = withBrowser();

const KEYS = {
  admin: aSecret('AGENTKIT_API_KEYS'),
  read: aSecret('AGENTKIT_API_KEYS'),
  register: aSecret('AGENTKIT_API_KEYS'),
};

const keyed = () =>
  startScene(
    {
      AGENTKIT_API_KEYS: `ops:admin:${KEYS.admin},monitor:read:${KEYS.read},fleet:register:${KEYS.register}`,
    },
    KEYS.admin,
  );

describe('a service with keys', () => {
  it('shows nothing without one, says what is wrong with a wrong one, and takes the right one', async () => {
    const { service } = await keyed();
    const { page, watch } = await open(service.url);
    watch.expected.add(401);
    await page.goto('/dashboard/webhooks?state=dead');
    const field = page.getByLabel('API key');
    await field.waitFor();
    expect(await page.getByRole('navigation').count()).toBe(0);

    await lookAt(page, 'sign-in');
    const tries = [
      ['agk_wrong', 'mistyped'],
      ['a key', 'That cannot be a key'],
      [KEYS.register, 'That key has the scope register'],
    ] as const;
    for (const [key, said] of tries) {
      await field.fill(key);
      await page.keyboard.press('Enter');
      await page.getByRole('alert').filter({ hasText: said }).waitFor();
    }
    await field.fill(KEYS.admin);
    await page.getByRole('button', { name: 'Sign in' }).click();
    // Where one wanted to go.
    await page.getByRole('heading', { name: 'Webhooks' }).waitFor();
    expect(page.url()).toContain('/dashboard/webhooks?state=dead');
    await page.reload();
    await page.getByRole('heading', { name: 'Webhooks' }).waitFor();

    // It is in this tab and nowhere else.
    expect(await page.evaluate('JSON.stringify(localStorage) + document.cookie')).not.toContain(
      KEYS.admin,
    );
    await page.getByRole('button', { name: 'Sign out' }).click();
    await field.waitFor();
    expect(await page.evaluate('JSON.stringify(sessionStorage)')).not.toContain(KEYS.admin);
  });

  it('lets a read key see, and not act', async () => {
    const scene = await keyed();
    const [agentId = ''] = await scene.register(['writer']);
    const taskId = await scene.run(agentId);
    await scene.inState(taskId, 'delivered');
    const { page } = await open(scene.service.url, { key: KEYS.read });
    await page.goto('/dashboard');
    await page.getByText('read only').waitFor();
    await page.getByText('Nothing fails.').waitFor();
    const places = ['/dashboard', '/dashboard/agents', `/dashboard/agents/${agentId}`];
    places.push(`/dashboard/deliveries/${taskId}`, '/dashboard/dead-letters');
    for (const place of places) {
      await page.goto(place);
      await page.locator('h1').waitFor();
      await loaded(page);
      const buttons = await page.locator('main').getByRole('button').allInnerTexts();
      expect(
        buttons.filter((name) => name !== 'Copy'),
        place,
      ).toEqual([]);
    }
  });

  it('asks for a key again when it was revoked, and goes on where one was', async () => {
    const scene = await keyed();
    const made = await scene.service.call('POST', '/v1/keys', {
      token: KEYS.admin,
      body: { name: 'night', scope: 'admin' },
    });
    const { key } = made.json.data as { key: string };
    const { page, watch } = await open(scene.service.url, { key });
    watch.expected.add(401);
    await page.goto('/dashboard/agents?status=offline');
    await page.getByText('No agent matches.').waitFor();
    await scene.service.call('DELETE', '/v1/keys/night', { token: KEYS.admin });
    // Without anybody doing anything: its stream has ended.
    await page.getByRole('alert').filter({ hasText: 'no longer valid' }).waitFor();
    await page.getByLabel('API key').fill(KEYS.read);
    await page.keyboard.press('Enter');
    await page.getByText('No agent matches.').waitFor();
    expect(page.url()).toContain('/dashboard/agents?status=offline');
  });
});
