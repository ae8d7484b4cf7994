import { join } from 'node:path';
import { startNode } from '../children.ts';

/** Open loop: a fixed number of requests a second, whether answers come or not. */
export interface OpenLoad {
  readonly url: string;
  readonly path: string;
  readonly bytes: number;
  readonly perSecond: number;
  readonly seconds: number;
  readonly dir: string;
}

export interface OpenLoadResult {
  readonly sent: number;
  readonly failed: number;
  /** How far behind its schedule the generator was at its worst, in milliseconds. */
  readonly latest: number;
}

/** Sends tasks that carry the time at which they were sent, in a process of its own. */
export async function runOpenLoop(load: OpenLoad): Promise<OpenLoadResult> {
  const log = join(load.dir, 'open-loop.log');
  const child = startNode('load/open-loop-process.ts', [], { cwd: load.dir, log, ipc: true });
  try {
    return await child.ask<OpenLoadResult>('run', load);
  } finally {
    await child.end();
  }
}
