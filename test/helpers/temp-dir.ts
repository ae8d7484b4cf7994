import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { recordDatabasesIn } from '../leaks/sqlite.ts';

/** A new folder for the running test; removed when the test ends, after what was set up later is closed. */
export function tempDir(): string {
  const { path, remove } = sharedTempDir();
  onTestFinished(remove);
  return path;
}

/** A new folder for several tests, which remove it themselves. */
export function sharedTempDir(): { readonly path: string; remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), 'agentkit-test-'));
  return { path, remove: () => removeDir(path) };
}

/** Removes a folder of a test; the databases in it are searched for secrets at the end of the run. */
export function removeDir(path: string): void {
  recordDatabasesIn(path);
  rmSync(path, { recursive: true, force: true });
}
