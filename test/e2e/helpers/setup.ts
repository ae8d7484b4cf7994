import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { CHROMIUM } from './browser.ts';

/** The page is built from what is there now, and the browser has to be there. */
export default function setup(): void {
  if (!existsSync(CHROMIUM)) {
    throw new Error(
      `There is no browser at ${CHROMIUM}: install Debian's package chromium, or name another by E2E_CHROMIUM.`,
    );
  }
  const { status, stderr } = spawnSync('npm', ['run', '--silent', 'build:dashboard'], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`the dashboard could not be built: ${stderr}`);
}
