import { PgBoss } from 'pg-boss';
import type { PeerSettings } from '../peer.ts';
import type { Deliver, Job, Queue } from '../queues/queue.ts';

const NAME = 'tasks';
const CONNECTIONS = 20;
const BATCH = 500;
const WORKERS = 2;

interface Stored {
  readonly agentId: string;
  readonly body: string;
}

export async function open({ url }: PeerSettings): Promise<Queue> {
  const boss = new PgBoss({ connectionString: url, max: CONNECTIONS });
  boss.on('error', (error) => console.error(error));
  await boss.start();
  await boss.createQueue(NAME);

  return {
    // Its own ids are random; these are sequential, which is kinder to the index.
    add: async ({ id, agentId, body }: Job) => {
      await boss.send(NAME, { agentId, body: body.toString() }, { id });
    },
    work: async (deliver: Deliver) => {
      await boss.work<Stored>(
        NAME,
        {
          batchSize: BATCH,
          localConcurrency: WORKERS,
          pollingIntervalSeconds: 0.5,
          burstWhenBatchFull: true,
        },
        async (jobs) => {
          await Promise.all(
            jobs.map(({ id, data: { agentId, body } }) =>
              deliver({ id, agentId, body: Buffer.from(body) }),
            ),
          );
        },
      );
    },
    completed: async () => {
      const { rows } = await boss
        .getDb()
        .executeSql(`SELECT count(*)::int AS count FROM pgboss.job WHERE state = 'completed'`);
      return (rows[0] as { count: number }).count;
    },
    close: () => boss.stop(),
  };
}
