import { createSecretBox } from '../secret-box.ts';
import type { Store } from '../store.ts';
import { AgentCache } from './agent-cache.ts';
import { createAgentStore } from './agents.ts';
import { createBacklog } from './backlog.ts';
import { openDatabase } from './database.ts';
import { Worker } from 'node:worker_threads';
import { createDeliveryStore } from './deliveries.ts';
import type { DepthChanges } from './depths.ts';
import { reading } from './errors.ts';
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

const AGENT_READS = [
  'get',
  'list',
  'findByTokenHash',
  'listExpired',
  'listOfflineSince',
  'nextExpiryAt',
  'listEvents',
  'lastEvent',
  'listDeregistering',
] as const;

export interface SqliteOptions {
  /** How long to wait for a predecessor on the same file. */
  readonly lockWaitMs?: number;
  /** AGENTKIT_ENCRYPTION_KEY: the first seals, all of them open. */
  readonly encryptionKeys?: readonly Buffer[];
  /** Told how many writes share each transaction. */
  readonly onBatch?: ((writes: number) => void) | undefined;
}

/**
 * The embedded store: one file, one process, two connections. Writes go through the group commit, which has them take
 * turns; reads run at once on this one, which between two turns of the event loop only ever shows what is committed.
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
  const commit = new GroupCommit({
    db,
    startWriter: () =>
      new Worker(new URL('./writer-thread.ts', import.meta.url), { workerData: { path } }),
    onRollback: () => cache.clear(),
    onBatch: options.onBatch,
  });
  const lanes = createLanes(db);
  const depths: DepthChanges = { add: (lane, change) => commit.noteDepth(lane, change) };
  const insertDelivery = createInsertDelivery(db, lanes, depths);
  const failures = createFailures(db);
  const retry = createRetry({ db, cache, lanes, depths, failures });
  const probe = db.prepare('UPDATE write_probe SET probes = probes + 1');

  const agents = createAgentStore({
    db,
    commit,
    cache,
    box,
    lanes,
    depths,
    insertDelivery,
    failures,
  });
  const tasks = createTaskStore(db, commit, cache, depths, failures);
  const deliveries = createDeliveryStore({ db, commit, lanes, depths, failures, retry });
  const replays = createReplayStore(db, commit, retry);
  const keys = createKeyStore(db, commit);

  return {
    agents: { ...agents, ...reading(agents, AGENT_READS) },
    tasks: { ...tasks, ...reading(tasks, ['get', 'listOfAgent']) },
    outbox: createOutboxStore(db, commit, lanes),
    deliveries: { ...deliveries, ...reading(deliveries, ['get', 'list', 'failing']) },
    replays: { ...replays, ...reading(replays, ['get', 'list']) },
    keys: { ...keys, ...reading(keys, ['list', 'findByHash']) },
    replica: createReplica(),
    firstSeen: createFirstSeen(db, commit),
    ...reading({ backlog: createBacklog(db) }, ['backlog']),
    check: () =>
      commit.run(() => {
        probe.run();
      }),
    close: async () => {
      await commit.close();
      database.close();
    },
  };
}
