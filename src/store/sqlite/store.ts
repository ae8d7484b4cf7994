import type { Store } from '../store.ts';
import { AgentCache, createAgentStore } from './agents.ts';
import { openDatabase } from './database.ts';
import { GroupCommit } from './group-commit.ts';
import { createInsertDelivery } from './insert-delivery.ts';
import { createLanes } from './lanes.ts';
import { createOutboxStore } from './outbox.ts';
import { createTaskStore } from './tasks.ts';

/**
 * The embedded store: one file, one process, one connection. Writes go through the group commit; reads run at once on
 * the same connection, which between two turns of the event loop only ever shows what is committed.
 */
export function openSqliteStore(path: string, options: { lockWaitMs?: number } = {}): Store {
  const database = openDatabase(path, options.lockWaitMs);
  const { db } = database;
  const cache = new AgentCache(db);
  const commit = new GroupCommit(db, () => cache.clear());
  const lanes = createLanes(db);
  const insertDelivery = createInsertDelivery(db, lanes);
  const probe = db.prepare('UPDATE write_probe SET probes = probes + 1');

  return {
    agents: createAgentStore(db, commit, cache, insertDelivery),
    tasks: createTaskStore(db, commit, cache, insertDelivery),
    outbox: createOutboxStore(db, commit, lanes, insertDelivery),
    check: () =>
      commit.run(() => {
        probe.run();
      }),
    close: async () => {
      // What was asked for in this turn is still written.
      await commit.run(() => undefined);
      database.close();
    },
  };
}
