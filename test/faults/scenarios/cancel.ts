import { cancelTask, runTask } from '../harness/operations.ts';
import { inParallel } from '../../helpers/in-parallel.ts';
import { setStage, type Scene } from '../harness/stage.ts';
import { refusesSome } from './behaviours.ts';
import type { Outcome } from './outcome.ts';

export interface Cancels {
  readonly store: 'sqlite' | 'postgres';
  readonly tasks: number;
}

/** Nothing may have to wait for the end of a lease: nobody was interrupted. */
const LEASE_MS = 20_000;

/** Between the 202 of a task and its cancel: most are sent for the first or second time just then. */
const CANCEL_WITHIN_MS = 40;

/** Tasks are cancelled at any replica, at once or a little later, while others send and repeat them. */
export async function raceCancels(scene: Scene, { store, tasks }: Cancels): Promise<Outcome> {
  const { random } = scene;
  const stage = await setStage({
    ...scene,
    store,
    replicas: store === 'sqlite' ? 1 : 3,
    agents: 2,
    // Few slots: much of what is cancelled waits in the memory of some replica.
    env: {
      AGENT_CONCURRENCY: '6',
      TASK_RETRY_SCHEDULE: Array<string>(50).fill('10ms').join(','),
    },
    behave: refusesSome(random, 0.5),
  });
  const { client, agents } = stage;
  let cancelled = 0;
  let late = 0;
  const took: number[] = [];
  await inParallel(tasks, 48, async (n) => {
    const operation = await runTask(client, random.pick(agents).agentId, n);
    if (random.chance(0.3)) return;
    if (random.chance(0.7)) {
      const pause = random.next() * CANCEL_WITHIN_MS;
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
    const start = performance.now();
    if (await cancelTask(client, operation)) cancelled += 1;
    else late += 1;
    took.push(Math.round(performance.now() - start));
  });
  await stage.drained(LEASE_MS / 2);
  const verdict = await stage.judged();
  const sent = new Set(agents.flatMap(({ dispatches }) => dispatches.map(({ taskId }) => taskId)));
  const cancelledIds = stage.client.operations.filter(({ cancel }) => cancel !== undefined);
  const figures = {
    tasks,
    cancelled,
    'of these sent before': cancelledIds.filter(({ ids }) => [...ids].some((id) => sent.has(id)))
      .length,
    'had ended before': late,
    'median ms': took.toSorted((a, b) => a - b)[Math.floor(took.length / 2)] ?? 0,
    'slowest ms': Math.max(...took),
  };
  return { verdict, figures };
}
