import { randomUUID } from 'node:crypto';
import type { Clock } from '../../clock.ts';
import { createSecretBox } from '../secret-box.ts';
import type { Store } from '../store.ts';
import { AgentCache } from './agent-cache.ts';
import { createAgentStore } from './agents.ts';
import { createAnchoredClock } from './anchored-clock.ts';
import { createBacklog } from './backlog.ts';
import { detectMode } from './connection.ts';
import { assertUsable, Database, sql } from './database.ts';
import { createDeliveryStore } from './deliveries.ts';
import { LaneDepths } from './depths.ts';
import { createFirstSeen } from './first-seen.ts';
import { Hints } from './hints.ts';
import { createKeyStore } from './keys.ts';
import { migrate } from './migrate.ts';
import { createOutboxStore } from './outbox.ts';
import { createReplayStore } from './replays.ts';
import { PostgresReplica } from './replica.ts';
import { sealSecrets } from './seal.ts';
import { createTaskStore } from './tasks.ts';

export interface PostgresOptions {
  /** AGENTKIT_ENCRYPTION_KEY: the first seals, all of them open. */
  readonly encryptionKeys?: readonly Buffer[];
  /** Told what an operator should know of how the database is reached. */
  readonly onNotice?: (message: string) => void;
  /** Told how many tasks, or completions, share each transaction. */
  readonly onBatch?: ((writes: number) => void) | undefined;
}

const probe = sql('write_probe', 'UPDATE write_probe SET probes = probes + 1');

/**
 * The store that several replicas share, and the clock that they share with it.
 * @throws StoreUnavailableError when the database cannot be reached, is newer, or its secrets cannot be opened.
 */
export async function openPostgresStore(
  url: string,
  { encryptionKeys = [], onNotice = () => undefined, onBatch }: PostgresOptions = {},
): Promise<{ readonly store: Store; readonly clock: Clock }> {
  const { mode, settings } = await detectMode(url);
  assertUsable(settings);
  if (mode.pooled) {
    onNotice('PostgreSQL is reached through a pooler: settings go with each transaction');
  }
  const box = createSecretBox(encryptionKeys);
  await migrate(url, mode, (client) => sealSecrets(client, box));

  const db = new Database(url, mode);
  try {
    const clock = await createAnchoredClock(db);
    const id = randomUUID();
    const hints = new Hints(db, id);
    const onDeaf = () =>
      onNotice('hints of other replicas do not arrive (a pooler?): their work is found by polling');
    const replica = new PostgresReplica({ db, clock, id, hints, url, mode, onDeaf });
    await replica.start();

    const depths = new LaneDepths(db);
    const cache = new AgentCache(db, box);
    const { tell } = hints;
    const agents = createAgentStore({ db, box, cache, depths, tell });
    const tasks = createTaskStore({ db, depths, replica, tell, onBatch });
    const outbox = createOutboxStore({
      db,
      depths,
      hintDue: () => tell('due', ''),
      onBatch,
    });
    const store: Store = {
      agents: agents.agents,
      tasks: tasks.tasks,
      outbox: outbox.outbox,
      deliveries: createDeliveryStore({ db, depths, tell }),
      replays: createReplayStore({ db, depths, tell }),
      keys: createKeyStore(db),
      replica,
      firstSeen: createFirstSeen(db),
      backlog: createBacklog(db),
      check: async () => {
        await db.write(probe);
      },
      close: () => (closing ??= close()),
    };
    let closing: Promise<void> | undefined;
    const close = async () => {
      // What was asked for in this turn is still written.
      await Promise.all([agents.drained(), tasks.drained(), outbox.drained()]);
      await replica.stop();
      await hints.stop();
      clock.stop();
      await db.close();
    };
    return { store, clock };
  } catch (error) {
    await db.close();
    throw error;
  }
}
