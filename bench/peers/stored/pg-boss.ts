import { PgBoss } from 'pg-boss';
import type { PeerSettings } from '../peer.ts';
import type { Deliver, Job, Queue } from '../queues/queue.ts';

const NAME = 'tasks';

interface Stored {
  readonly agentId: string;
  readonly body: string;
}

export async function open({ url }: PeerSettings): Promise<Queue> {
  const front = await connect(url, { max: 20 });
  let worker: PgBoss | undefined;
  await front.createQueue(NAME);

  return {
    // Its own ids are random; these are sequential, which is kinder to the index.
    add: async ({ id, agentId, body }: Job) => {
      await front.send(NAME, { agentId, body: body.toString() }, { id });
    },
    addMany: async (jobs) => {
      const rows = jobs.map(({ id, agentId, body }) => ({
        id,
        data: { agentId, body: body.toString() },
      }));
      await front.insert(NAME, rows);
    },
    work: async (deliver: Deliver) => {
      // Connections of its own: a claim does not stand in line behind what the front stores.
      worker = await connect(url, { max: 5 });
      const options = { batchSize: 1_000, pollingIntervalSeconds: 0.5, burstWhenBatchFull: true };
      await worker.work<Stored>(NAME, options, async (jobs) => {
        await Promise.all(
          jobs.map(({ id, data: { agentId, body } }) =>
            deliver({ id, agentId, body: Buffer.from(body) }),
          ),
        );
      });
    },
    completed: async () => {
      const { rows } = await front
        .getDb()
        .executeSql(`SELECT count(*)::int AS count FROM pgboss.job WHERE state = 'completed'`);
      return (rows[0] as { count: number }).count;
    },
    close: async () => {
      await worker?.stop();
      await front.stop();
    },
  };
}

async function connect(url: string, options: { readonly max: number }): Promise<PgBoss> {
  const boss = new PgBoss({ connectionString: url, ...options });
  boss.on('error', (error) => console.error(error));
  return boss.start();
}
