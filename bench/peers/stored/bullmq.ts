import { Queue as BullQueue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import type { PeerSettings } from '../peer.ts';
import type { Deliver, Job, Queue } from '../queues/queue.ts';

const NAME = 'tasks';

/** A job as Redis has it: JSON. */
interface Stored {
  readonly id: string;
  readonly agentId: string;
  readonly body: string;
}

export async function open({ url, concurrency }: PeerSettings): Promise<Queue> {
  // A connection each, as its documentation wants: a worker's blocks. null: a worker never gives up on Redis.
  const connect = (): Redis => new Redis(url, { maxRetriesPerRequest: null });
  const connection = connect();
  const queue = new BullQueue<Stored>(NAME, { connection });
  let worker: Worker<Stored> | undefined;

  const stored = ({ id, agentId, body }: Job): Stored => ({ id, agentId, body: body.toString() });

  return {
    add: async (job) => {
      await queue.add('task', stored(job));
    },
    addMany: async (jobs) => {
      await queue.addBulk(jobs.map((job) => ({ name: 'task', data: stored(job) })));
    },
    work: async (deliver: Deliver) => {
      worker = new Worker<Stored>(
        NAME,
        async ({ data: { id, agentId, body } }) =>
          deliver({ id, agentId, body: Buffer.from(body) }),
        { connection: connect(), concurrency },
      );
      await worker.waitUntilReady();
    },
    completed: () => queue.getCompletedCount(),
    close: async () => {
      await worker?.close();
      await queue.close();
    },
  };
}
