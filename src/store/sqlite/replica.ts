import { randomUUID } from 'node:crypto';
import type { Replica } from '../store.ts';

/** The one process on the file: it leads in everything, and there is nobody to listen to. */
export function createReplica(): Replica {
  const ledAt = new Map<string, number>();
  return {
    id: randomUUID(),
    count: () => 1,
    lead: async (duty, now) => {
      const before = ledAt.get(duty) ?? null;
      ledAt.set(duty, now);
      return { ledAt: before };
    },
    listen: () => undefined,
  };
}
