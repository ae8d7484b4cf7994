import { status, type Dispatch } from '../../helpers/agent-server.ts';
import { eventually } from '../../helpers/eventually.ts';
import { databaseWithClock } from '../../helpers/postgres-clock.ts';
import { registerAgent, runTask } from '../harness/operations.ts';
import { inParallel } from '../../helpers/in-parallel.ts';
import { postgresOnlooker } from '../harness/postgres-onlooker.ts';
import { setStage, type Scene, type Stage } from '../harness/stage.ts';
import type { Outcome } from './outcome.ts';

export interface Jump {
  readonly store: 'sqlite' | 'postgres';
  /** How far the clock is moved, in milliseconds. */
  readonly byMs: number;
  readonly tasks: number;
}

/** The first delay of the retry schedule, and how much earlier jitter may make it. */
const RETRY_MS = 3_000;
const EARLIEST = 0.8;

/** How long an agent takes for what is under way when the clock jumps. */
const TAKES_MS = 3_500;

type Agent = Stage['agents'][number];

/**
 * The clock jumps while some tasks wait for their retry and others are under way. On PostgreSQL it is the database's as
 * well, and a replica joins afterwards, which knows of no other time; more tasks come then.
 */
export async function jumpOfClock(scene: Scene, jump: Jump): Promise<Outcome> {
  const take = status(200);
  const refuse = status(503);
  const database = jump.store === 'postgres' ? await databaseWithClock() : undefined;
  const stage = await setStage({
    ...scene,
    store: database === undefined ? 'sqlite' : await postgresOnlooker(database.url),
    replicas: database === undefined ? 1 : 2,
    spare: database === undefined ? 0 : 1,
    agents: 2,
    movableClock: true,
    env: { TASK_RETRY_SCHEDULE: `${RETRY_MS}ms,1h`, AGENT_CONCURRENCY: '1000' },
  });
  const { replicas, client, calm, onlooker } = stage;
  const [waiting, slow] = stage.agents as [Agent, Agent];
  waiting.behave = (response, dispatch) => (dispatch.nth === 1 ? refuse : take)(response, dispatch);
  slow.behave = (response, dispatch) => void setTimeout(() => take(response, dispatch), TAKES_MS);
  await registerAgent(calm, 'with a lease', waiting.url, 600);
  const runOn = (agent: Agent, from: number) =>
    inParallel(jump.tasks, 16, (n) => runTask(client, agent.agentId, from + n));
  await Promise.all([runOn(waiting, 0), runOn(slow, jump.tasks)]);
  await eventually(
    () => [waiting, slow].every(({ dispatches }) => dispatches.length === jump.tasks),
    'each is sent once',
  );

  await database?.move(jump.byMs);
  await stage.moveClock(jump.byMs);
  if (database !== undefined) await replicas.start(replicas.count - 1);
  await runOn(slow, 2 * jump.tasks);
  await stage.drained(RETRY_MS + TAKES_MS + 10_000);

  const gaps = gapsOf(waiting.dispatches);
  const figures = {
    tasks: 3 * jump.tasks,
    'earliest retry ms': Math.round(Math.min(...gaps)),
    'latest retry ms': Math.round(Math.max(...gaps)),
    'too early': gaps.filter((gap) => gap < RETRY_MS * EARLIEST).length,
    'agents offline': (await onlooker.agents()).filter(({ status }) => status !== 'online').length,
  };
  return { verdict: await stage.judged(), figures };
}

/** From the refusal of each task to its next arrival. */
function gapsOf(dispatches: readonly Dispatch[]): number[] {
  const refusedAt = new Map<string, number>();
  return dispatches.flatMap(({ taskId, answeredAt = 0, receivedAt }) => {
    const before = refusedAt.get(taskId);
    if (before !== undefined) return [receivedAt - before];
    refusedAt.set(taskId, answeredAt);
    return [];
  });
}
