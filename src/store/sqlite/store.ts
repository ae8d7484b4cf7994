import { createSecretBox } from '../secret-box.ts';
import type { Store } from '../store.ts';
import { AgentCache } from './agent-cache.ts';
import { createAgentStore } from './agents.ts';
import { openDatabase } from './database.ts';
import { createDeliveryStore } from './deliveries.ts';
import { LaneDepths } from './depths.ts';
import { createFailures } from './failures.ts';
import { createFirstSeen } from './first-seen.ts';
import { GroupCommit } from './group-commit.ts';
import { createInsertDelivery } from './insert-delivery.ts';
import { createKeyStore } from './keys.ts';
import { createLanes } from './lanes.ts';
import { createOutboxStore } from './outbox.ts';
import { createReplayStore } from './replays.ts';
import { createReplica } from './replica.ts';
import { createRetry } from './retry.ts';
import { sealSecrets } from './seal.ts';
import { createTaskStore } from './tasks.ts';

export interface SqliteOptions {
  /** How long to wait for a predecessor on the same file. */
  readonly lockWaitMs?: number;
  /** AGENTKIT_ENCRYPTION_KEY: the first seals, all of them open. */
  readonly encryptionKeys?: readonly Buffer[];
}

/**
 * The embedded store: one file, one process, one connection. Writes go through the group commit; reads run at once on
 * the same connection, which between two turns of the event loop only ever shows what is committed.
 */
export function openSqliteStore(path: string, options: SqliteOptions = {}): Store {
  const database = openDatabase(path, options.lockWaitMs);
  const { db } = database;
  const box = createSecretBox(options.encryptionKeys ?? []);
  try {
    sealSecrets(db, box);
  } catch (error) {
    database.close();
    throw error;
  }
  const cache = new AgentCache(db, box);
  const depths = new LaneDepths(db);
  const commit = new GroupCommit(db, () => {
    cache.clear();
    depths.clear();
  });
  const lanes = createLanes(db);
  const insertDelivery = createInsertDelivery(db, lanes, depths);
  const failures = createFailures(db);
  const retry = createRetry({ db, cache, lanes, depths, failures });
  const probe = db.prepare('UPDATE write_probe SET probes = probes + 1');

  return {
    agents: createAgentStore({ db, commit, cache, box, lanes, depths, insertDelivery, failures }),
    tasks: createTaskStore(db, commit, cache, depths, insertDelivery, failures),
    outbox: createOutboxStore(db, commit, lanes, depths, insertDelivery, failures),
    deliveries: createDeliveryStore({ db, commit, lanes, depths, failures, retry }),
    replays: createReplayStore(db, commit, retry),
    keys: createKeyStore(db, commit),
    replica: createReplica(),
    firstSeen: createFirstSeen(db, commit),
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
