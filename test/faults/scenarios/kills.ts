import { eventually } from '../../helpers/eventually.ts';
import { killEvery } from '../harness/killer.ts';
import { startLoad } from '../harness/load.ts';
import { setStage, type Scene } from '../harness/stage.ts';
import { answersSlowly } from './behaviours.ts';
import type { Outcome } from './outcome.ts';

export interface Kills {
  readonly kills: number;
  /** How many connections are cut before their answer; one client in ten then leaves it at that. */
  readonly cutRate?: number;
}

const CUT_RATE = 0.02;
const GIVE_UP_RATE = 0.1;

/** One service on SQLite, killed at random moments while clients ask for tasks and agents come and go. */
export async function killOnSqlite(
  scene: Scene,
  { kills, cutRate = CUT_RATE }: Kills,
): Promise<Outcome> {
  const { random } = scene;
  const stage = await setStage({
    ...scene,
    store: 'sqlite',
    agents: 4,
    env: { AGENT_CONCURRENCY: '8' },
    behave: answersSlowly(random, 10),
    client: { cutRate, giveUpRate: GIVE_UP_RATE },
  });
  const { replicas, client } = stage;
  const load = startLoad(stage, { taskClients: 32, agentClients: 3, pauseMs: 5 });
  for (let n = 0; n < kills; n += 1) {
    // At work, however slow the machine is: something has just been acknowledged.
    const until = client.acknowledged() + random.between(1, 30);
    await new Promise((resolve) => setTimeout(resolve, random.between(20, 220)));
    await eventually(() => client.acknowledged() >= until, 'tasks are acknowledged');
    await replicas.kill(0);
    if (random.chance(0.15)) {
      n += 1;
      await replicas.startAndKill(0, random.between(100, 600));
    }
    await replicas.start(0);
  }
  await load.stop();
  await stage.drained();
  const figures = { kills, tasks: load.tasks(), unanswered: client.unanswered() };
  return { verdict: await stage.judged(), figures };
}

/** Three replicas, one of which is killed every second, until the tasks are taken. */
export async function killReplicas(scene: Scene, { tasks }: { tasks: number }): Promise<Outcome> {
  const { random } = scene;
  const stage = await setStage({
    ...scene,
    store: 'postgres',
    replicas: 3,
    agents: 4,
    // The leases of the dead run out after the longest attempt and 10 s more. An attempt takes longer than anything does on
    // a busy machine: what ran out of time and was accepted all the same would be sent again, and no kill explains that.
    env: { AGENT_CONCURRENCY: '24', DISPATCH_TIMEOUT: '3s', WEBHOOK_TIMEOUT: '3s' },
    behave: answersSlowly(random, 10),
    client: { cutRate: CUT_RATE, giveUpRate: GIVE_UP_RATE },
  });
  const { replicas, client } = stage;
  const load = startLoad(stage, { taskClients: 24, tasks, agentClients: 2, pauseMs: 2 });
  const kills = await killEvery(1_000, { replicas, random, end: load.done });
  await stage.drained();
  const figures = { kills, tasks: load.tasks(), unanswered: client.unanswered() };
  return { verdict: await stage.judged(), figures };
}
