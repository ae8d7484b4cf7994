import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** A folder that is removed when the test ends, after everything that was started later. */
export function tempDir(): string {
  const dir = makeTempDir();
  onTestFinished(() => removeDir(dir));
  return dir;
}

/** A folder of its own; whoever makes it removes it. */
export function makeTempDir(): string {
  return mkdtempSync(join(tmpdir(), 'agentkit-security-'));
}

export function removeDir(dir: string): void {
  rmSync(dir, { recursive: true, force: true });
}

/** Everything that is on disk under a folder (database, WAL, shared memory, lock) as one text to search in. */
export function rawFiles(dir: string): string {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'latin1'))
    .join('\n');
}
