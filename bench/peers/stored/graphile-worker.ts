import { Logger, makeWorkerUtils, run, type Runner } from 'graphile-worker';
import pg from 'pg';
import type { PeerSettings } from '../peer.ts';
import type { Deliver, Job, Queue } from '../queues/queue.ts';

interface Stored {
  readonly id: string;
  readonly agentId: string;
  readonly body: string;
}

export async function open({ url, concurrency }: PeerSettings): Promise<Queue> {
  const pgPool = new pg.Pool({ connectionString: url, max: concurrency + 10 });
  const onError = (error: Error): void => console.error(error);
  pgPool.on('error', onError).on('connect', (client) => client.on('error', onError));
  // Its own line per job would be a third one: the dispatch logs, as for all.
  const logger = new Logger(() => () => undefined);
  const utils = await makeWorkerUtils({ pgPool, logger });
  await utils.migrate();
  let runner: Runner | undefined;
  let succeeded = 0;

  const stored = ({ id, agentId, body }: Job): Stored => ({ id, agentId, body: body.toString() });

  return {
    add: async (job) => {
      await utils.addJob('dispatch', stored(job));
    },
    addMany: async (jobs) => {
      await utils.addJobs(jobs.map((job) => ({ identifier: 'dispatch', payload: stored(job) })));
    },
    work: async (deliver: Deliver) => {
      runner = await run({
        pgPool,
        logger,
        noHandleSignals: true,
        taskList: {
          dispatch: async (payload) => {
            const { id, agentId, body } = payload as Stored;
            await deliver({ id, agentId, body: Buffer.from(body) });
            succeeded += 1;
          },
        },
        preset: {
          worker: {
            concurrentJobs: concurrency,
            localQueue: { size: 500, refetchDelay: { durationMs: 10 } },
            completeJobBatchDelay: 0,
            failJobBatchDelay: 0,
          },
        },
      });
    },
    // What is done is deleted: all is recorded when none is left.
    completed: async () => {
      const { rows } = await pgPool.query<{ left: number }>(
        'SELECT count(*)::int AS left FROM graphile_worker.jobs',
      );
      return rows[0]?.left === 0 ? succeeded : 0;
    },
    close: async () => {
      await runner?.stop();
      await pgPool.end();
    },
  };
}
