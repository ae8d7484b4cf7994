import { join } from 'node:path';
import { startNode } from '../children.ts';
import type { Load, LoadResult } from './load.ts';

export async function runAutocannon(load: Load): Promise<LoadResult> {
  const child = startNode('load/autocannon-process.ts', [], {
    cwd: load.dir,
    log: join(load.dir, 'autocannon.log'),
    ipc: true,
  });
  try {
    return await child.ask<LoadResult>('run', load);
  } finally {
    await child.end();
  }
}
