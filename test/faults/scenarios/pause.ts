import { status, type Behaviour } from '../../helpers/agent-server.ts';
import { eventually } from '../../helpers/eventually.ts';
import { startLoad } from '../harness/load.ts';
import { cancelTask } from '../harness/operations.ts';
import { setStage, type Scene, type Stage } from '../harness/stage.ts';
import type { Interruption } from '../oracle/history.ts';
import { answersSlowly, refusesSome } from './behaviours.ts';
import type { Outcome } from './outcome.ts';

/** How much agents refuse for now, as long as all are well. */
const REFUSED = 0.5;

/** What a replica holds that is stopped they take from others, and take so long: these are still at it when it goes on. */
const SLOWLY_MS = 2_500;

/** What it does wrong it does by then: its worker has looked at the store twice. */
const COMES_TO_ITSELF_MS = 2_000;

/** Of what it holds and has not sent, so much is cancelled while it is stopped. */
const CANCELLED = 6;

/**
 * Three replicas; one is stopped (SIGSTOP) in the middle of its work, until the others take over what it had in flight,
 * and goes on (SIGCONT) while they are at it: what it believes of its leases is wrong by then.
 */
export async function pauseReplicas(
  scene: Scene,
  { rounds }: { rounds: number },
): Promise<Outcome> {
  const { random } = scene;
  const take = status(200);
  const quickly = refusesSome(random, REFUSED);
  const slowly: Behaviour = (response, dispatch) =>
    void setTimeout(() => take(response, dispatch), SLOWLY_MS);
  let behave: Behaviour = quickly;
  const stage = await setStage({
    ...scene,
    store: 'postgres',
    replicas: 3,
    agents: 2,
    env: {
      AGENT_CONCURRENCY: '12',
      // Longer than anything takes on a busy machine, so that only what was stopped runs out of time.
      DISPATCH_TIMEOUT: '4s',
      WEBHOOK_TIMEOUT: '4s',
      TASK_RETRY_SCHEDULE: Array<string>(20).fill('50ms').join(','),
    },
    behave: (response, dispatch) => {
      const now = behave;
      setTimeout(() => now(response, dispatch), random.between(5, 30));
    },
    // A service that is stopped takes connections and gives no answers.
    client: { timeoutMs: 3_000 },
  });
  const { replicas } = stage;
  let held = 0;
  let cancelled = 0;
  for (let round = 0; round < rounds; round += 1) {
    const load = startLoad(stage, { taskClients: 32, firstTask: round * 1_000_000 });
    await new Promise((resolve) => setTimeout(resolve, random.between(700, 1_000)));
    const index = random.between(0, replicas.count - 1);
    const { leased } = await replicas.stop(index);
    // The rest at once: a backlog would have to be sent before what is taken over.
    behave = (response, dispatch) =>
      (leased.has(dispatch.taskId) ? slowly : take)(response, dispatch);
    held += leased.size;
    const stopping = load.stop();
    const cancelling = cancelSome(stage, leased);
    await eventually(watch(stage, leased), 'others take over what was in flight');
    replicas.resume(index);
    await new Promise((resolve) => setTimeout(resolve, COMES_TO_ITSELF_MS));
    behave = quickly;
    await stopping;
    cancelled += await cancelling;
    await stage.drained();
  }
  const verdict = await stage.judged();
  const figures = {
    rounds,
    'held when stopped': held,
    'of these cancelled meanwhile': cancelled,
  };
  return { verdict, figures };
}

/** Watches what is in flight now: tells when half of it has arrived again, and somebody waits for the answers. */
function watch({ agents }: Stage, leased: Interruption['leased']): () => boolean {
  const arrivals = (id: string) => agents.reduce((sum, agent) => sum + agent.of(id).length, 0);
  const inFlight = [...leased].filter(([id, recorded]) => arrivals(id) > recorded);
  return () =>
    2 * inFlight.filter(([id, recorded]) => arrivals(id) > recorded + 1).length >= inFlight.length;
}

/** Cancels some of what a stopped process has in its hands and has not sent. @returns how many. */
async function cancelSome(
  { client, agents }: Stage,
  leased: Interruption['leased'],
): Promise<number> {
  const sent = new Set(agents.flatMap(({ dispatches }) => dispatches.map(({ taskId }) => taskId)));
  const waiting = client.operations.filter(({ ids }) =>
    [...ids].some((id) => leased.has(id) && !sent.has(id)),
  );
  const outcomes = await Promise.all(
    waiting.slice(0, CANCELLED).map((operation) => cancelTask(client, operation)),
  );
  return outcomes.filter((done) => done).length;
}

/** Longer than the leases of a service whose attempts may take three seconds. */
const PAST_ITS_LEASES_MS = 14_000;

/** One service on SQLite, stopped past its own leases: nobody could take them, and it must not be misled by that. */
export async function pauseAlone(scene: Scene): Promise<Outcome> {
  const { random } = scene;
  const stage = await setStage({
    ...scene,
    store: 'sqlite',
    agents: 2,
    env: {
      AGENT_CONCURRENCY: '8',
      DISPATCH_TIMEOUT: '3s',
      WEBHOOK_TIMEOUT: '3s',
      TASK_RETRY_SCHEDULE: Array<string>(20).fill('50ms').join(','),
    },
    behave: answersSlowly(random, 30),
    client: { timeoutMs: 3_000 },
  });
  const { replicas } = stage;
  const load = startLoad(stage, { taskClients: 32 });
  await new Promise((resolve) => setTimeout(resolve, random.between(700, 1_000)));
  const { leased } = await replicas.stop(0);
  const stopping = load.stop();
  await new Promise((resolve) => setTimeout(resolve, PAST_ITS_LEASES_MS));
  replicas.resume(0);
  await stopping;
  // By itself, and at once: not when leases end that it took before it was stopped.
  await stage.drained(10_000);
  return { verdict: await stage.judged(), figures: { 'held when stopped': leased.size } };
}
