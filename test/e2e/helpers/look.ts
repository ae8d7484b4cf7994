import { AxeBuilder } from '@axe-core/playwright';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { expect } from 'vitest';

/** Ignored by git: for looking at. */
const SCREENSHOTS = join(import.meta.dirname, '../screenshots');

const THEMES = ['light', 'dark'] as const;
const WIDTHS = [1280, 390] as const;
const OVERFLOW = 'document.documentElement.scrollWidth - document.documentElement.clientWidth';

/** What is shown now is fit for everybody in either theme, and fits a desk and a telephone; with a picture of both. */
export async function lookAt(page: Page, name: string): Promise<void> {
  for (const theme of THEMES) {
    await page.emulateMedia({ colorScheme: theme });
    expect(await faultsOf(page, theme), name).toEqual([]);
  }
  for (const width of WIDTHS) {
    await page.setViewportSize({ width, height: 900 });
    expect(await page.evaluate<number>(OVERFLOW), `${name} is wider than ${width} px`).toBe(0);
    // Half of the four that there are: the colours do not depend on the width.
    const theme = width === 1280 ? 'light' : 'dark';
    await page.emulateMedia({ colorScheme: theme });
    const file = join(SCREENSHOTS, `${name}-${theme}-${String(width)}.png`);
    await page.screenshot({ path: file, fullPage: true });
  }
  await page.setViewportSize({ width: 1280, height: 900 });
}

/** What axe calls serious. The themes differ in colours alone, so the dark one is asked about those. */
async function faultsOf(page: Page, theme: (typeof THEMES)[number]): Promise<readonly string[]> {
  const axe = new AxeBuilder({ page });
  if (theme === 'dark') axe.withRules('color-contrast');
  const { violations } = await axe.analyze();
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) => nodes.map(({ html }) => `${theme}: ${id}: ${html}`));
}
