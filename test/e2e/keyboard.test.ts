import type { Page } from 'playwright-core';
import { expect, it } from 'vitest';
import { status } from '../helpers/agent-server.ts';
import { withBrowser } from './helpers/browser.ts';
import { startScene } from './helpers/scene.ts';

const open = withBrowser();

/** What has the focus, as it is called; it must be seen to have it. */
async function focused(page: Page): Promise<string> {
  const [name, seen] = await page.evaluate<[string, boolean]>(`(() => {
    const element = document.activeElement;
    const style = getComputedStyle(element);
    const seen = element.id === 'heading' || (style.outlineStyle !== 'none' && style.outlineWidth !== '0px');
    return [(element.getAttribute('aria-label') ?? (element.textContent || element.name || element.tagName)).trim(), seen];
  })()`);
  expect(seen, `the focus on "${name}" is not seen`).toBe(true);
  return name;
}

/** By Tab alone, to what is called so. */
async function tabTo(page: Page, name: string | RegExp): Promise<void> {
  const passed: string[] = [];
  for (let i = 0; i < 60; i += 1) {
    await page.keyboard.press('Tab');
    const now = await focused(page);
    if (typeof name === 'string' ? now === name : name.test(now)) return;
    passed.push(now);
  }
  throw new Error(`${String(name)} is not reached by the keyboard; ${passed.join(' | ')}`);
}

it('the whole way from the overview to a retry goes by the keyboard', async () => {
  const scene = await startScene();
  const [agentId = ''] = await scene.register(['writer']);
  scene.agent.behave = status(400);
  const taskId = await scene.run(agentId, 'draft');
  await scene.inState(taskId, 'dead');
  const { page } = await open(scene.service.url);
  await page.goto('/dashboard');
  await page.getByRole('link', { name: '1 dead', exact: true }).waitFor();

  await page.keyboard.press('Tab');
  expect(await focused(page)).toBe('Skip to the content');
  await tabTo(page, 'Send again …');
  await page.keyboard.press('Enter');
  const dialog = page.getByRole('dialog');
  await dialog.getByText('1 dead letter is scheduled again').waitFor();
  // The question has the focus, and Escape answers it with no.
  await tabTo(page, 'Send 1 again');
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'detached' });
  expect(await focused(page)).toBe('Send again …');

  await page.keyboard.press('Shift+Tab');
  expect(await focused(page)).toBe('1 dead');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Dead letters' }).waitFor();
  // A new page begins at its heading.
  expect(await focused(page)).toBe('Dead letters');
  await page.getByRole('link', { name: 'draft' }).waitFor();
  await tabTo(page, 'draft');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Task draft' }).waitFor();
  scene.agent.behave = status(202);
  await tabTo(page, 'Retry');
  await page.keyboard.press('Space');
  await page.getByText('It is sent now.').waitFor();
  await scene.inState(taskId, 'delivered');
});
