import type { PeerSettings } from '../peer.ts';
import { memoryQueue } from './memory.ts';
import type { Queue } from './queue.ts';

/** Imports only what is asked for: the relay needs none of the benchmark's own packages. */
export async function openQueue(settings: PeerSettings): Promise<Queue> {
  if (settings.queue === 'memory') return memoryQueue(settings.concurrency);
  const { open } = (await import(`../stored/${settings.queue}.ts`)) as {
    open: (settings: PeerSettings) => Promise<Queue>;
  };
  return open(settings);
}
