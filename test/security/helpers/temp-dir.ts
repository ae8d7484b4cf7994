import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { sharedTempDir } from '../../helpers/temp-dir.ts';

export { removeDir, tempDir } from '../../helpers/temp-dir.ts';

/** A folder of its own; whoever makes it removes it. */
export function makeTempDir(): string {
  return sharedTempDir().path;
}

/** Everything that is on disk under a folder (database, WAL, shared memory, lock) as one text to search in. */
export function rawFiles(dir: string): string {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'latin1'))
    .join('\n');
}
