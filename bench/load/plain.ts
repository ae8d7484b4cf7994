import { join } from 'node:path';
import { startNode } from '../children.ts';
import type { Load, LoadResult } from './load.ts';

/** A generator of our own, in a process of its own, where nothing is installed: for CI. */
export async function runPlain(load: Load): Promise<LoadResult> {
  const log = join(load.dir, 'plain.log');
  const child = startNode('load/plain-process.ts', [], { cwd: load.dir, log, ipc: true });
  try {
    return await child.ask<LoadResult>('run', load);
  } finally {
    await child.end();
  }
}
