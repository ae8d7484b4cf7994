import { spawnSync } from 'node:child_process';
import { closeSync, openSync, rmdirSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { tempDir } from '../../helpers/temp-dir.ts';

/** A file system of its own that can be filled up. */
export interface SmallDisk {
  readonly folder: string;
  /** Takes all the space that there is. */
  fill(): void;
  /** Gives back what `fill` took. */
  free(): void;
}

const CHUNK = Buffer.alloc(65_536, 'x');

/** @returns undefined where nothing may be mounted: not as root, or in a container without the right to. */
export function smallDisk(megabytes: number): SmallDisk | undefined {
  const folder = tempDir();
  const size = `size=${megabytes}m`;
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', size, 'agentkit-test', folder]);
  if (status !== 0) {
    rmdirSync(folder);
    return undefined;
  }
  const unmount = () => {
    // Lazily: whoever still has a file open there keeps nobody waiting.
    spawnSync('umount', ['-l', folder]);
    rmSync(folder, { recursive: true, force: true });
  };
  process.once('exit', unmount);
  onTestFinished(() => {
    process.removeListener('exit', unmount);
    unmount();
  });
  const filler = join(folder, 'filler');
  return {
    folder,
    fill: () => {
      const file = openSync(filler, 'a');
      try {
        for (let bytes = CHUNK.byteLength; bytes > 0; bytes >>= 1) {
          while (takes(file, CHUNK.subarray(0, bytes)));
        }
      } finally {
        closeSync(file);
      }
    },
    free: () => rmSync(filler, { force: true }),
  };
}

function takes(file: number, chunk: Buffer): boolean {
  try {
    return writeSync(file, chunk) > 0;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOSPC') return false;
    throw error;
  }
}
