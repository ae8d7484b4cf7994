import { randomUUID } from 'node:crypto';
import type { Replica } from '../store.ts';

/** The one process on the file: it leads in everything, and there is nobody to listen to. */
export function createReplica(): Replica {
  return {
    id: randomUUID(),
    count: () => 1,
    lead: async () => ({ ledAt: null }),
    listen: () => undefined,
  };
}
