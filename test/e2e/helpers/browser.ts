import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core';
import { afterAll, beforeAll, expect, onTestFinished } from 'vitest';

/** Debian's Chromium, unless E2E_CHROMIUM names another. */
export const CHROMIUM = process.env['E2E_CHROMIUM'] ?? '/usr/bin/chromium';

/** It asks nobody outside, and needs no sandbox of its own in a container. */
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--disable-dev-shm-usage',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** What no test may come across, unless it says so. */
export interface Watch {
  /** Statuses of the API that the test provokes: the browser's console names each failed request. */
  readonly expected: Set<number>;
  readonly faults: readonly string[];
}

export interface OpenedPage {
  readonly page: Page;
  readonly watch: Watch;
}

export interface PageOptions extends BrowserContextOptions {
  /** The key of this tab, as if somebody had signed in. */
  readonly key?: string;
}

/** A browser for the tests of a file. */
export function withBrowser(): (url: string, options?: PageOptions) => Promise<OpenedPage> {
  let browser: Browser;
  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
  });
  afterAll(() => browser.close());
  return (url, options) => openPage(browser, url, options);
}

/** A page of a service; with the test that opened it end its tab and, if anything was amiss, the test. */
async function openPage(
  browser: Browser,
  url: string,
  { key, ...options }: PageOptions = {},
): Promise<OpenedPage> {
  const context = await browser.newContext({
    baseURL: url,
    viewport: { width: 1280, height: 900 },
    locale: 'en-GB',
    // A colour on its way to another has no contrast to measure.
    reducedMotion: 'reduce',
    ...options,
  });
  context.setDefaultTimeout(15_000);
  const page = await context.newPage();
  const watch = watchOver(page, url);
  if (key !== undefined) {
    // Once: a tab that signed out stays so.
    await context.addInitScript(`
      if (sessionStorage.getItem('test.seeded') === null) {
        sessionStorage.setItem('test.seeded', 'yes');
        sessionStorage.setItem('agentkit.key', ${JSON.stringify(key)});
      }`);
  }
  onTestFinished(async () => {
    await context.close();
    expect(watch.faults, 'what the browser complained of').toEqual([]);
  });
  return { page, watch };
}

function watchOver(page: Page, url: string): Watch {
  const expected = new Set<number>();
  const faults: string[] = [];
  page.on('console', (message) => {
    if (message.type() !== 'error' && message.type() !== 'warning') return;
    const status = /status of (\d+)/.exec(message.text())?.[1];
    if (status !== undefined && expected.has(Number(status))) return;
    // A service that is killed on purpose.
    if (expected.has(0) && /net::ERR_/.test(message.text())) return;
    faults.push(`console: ${message.text()}`);
  });
  page.on('pageerror', (error) => faults.push(`error: ${error.message}`));
  page.on('request', (request) => {
    const asked = new URL(request.url());
    if (asked.protocol !== 'data:' && asked.origin !== url) faults.push(`asked ${request.url()}`);
  });
  return { expected, faults };
}

/** Nothing on the page is still being asked for. */
export async function loaded(page: Page): Promise<void> {
  await expect.poll(() => page.locator('.waiting').count(), { timeout: 15_000 }).toBe(0);
}
