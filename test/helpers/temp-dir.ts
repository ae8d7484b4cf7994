import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** A new folder for the running test; removed when the test ends, after what was set up later is closed. */
export function tempDir(): string {
  const { path, remove } = sharedTempDir();
  onTestFinished(remove);
  return path;
}

/** A new folder for several tests, which remove it themselves. */
export function sharedTempDir(): { readonly path: string; remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), 'agentkit-test-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}
