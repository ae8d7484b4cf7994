import { once, status } from '../helpers/agent-server.ts';
import { experiment } from './harness/experiment.ts';
import { expectFaultless, figuresOf } from './harness/expect.ts';
import { startLoad } from './harness/load.ts';
import { setStage } from './harness/stage.ts';

experiment(
  'SQLite: kill -9 at random moments under load',
  { full: { kills: 200 }, short: { kills: 12 }, limit: 240 },
  async ({ size, random, report }) => {
    const stage = await setStage({
      store: 'sqlite',
      random,
      agents: 4,
      env: { AGENT_CONCURRENCY: '8' },
      behave: (response, dispatch) => {
        const pause = new Promise((resolve) => setTimeout(resolve, random.between(0, 10)));
        once(pause, status(200))(response, dispatch);
      },
      client: { cutRate: 0.02, giveUpRate: 0.1 },
    });
    const { replicas, client } = stage;
    const load = startLoad(stage, { taskClients: 16, agentClients: 2, pauseMs: 20 });
    for (let kills = 0; kills < size.kills; kills += 1) {
      await new Promise((resolve) => setTimeout(resolve, random.between(0, 400)));
      await replicas.kill(0);
      await replicas.start(0);
    }
    await load.stop();
    await stage.drained();
    const verdict = await stage.judged();
    report({ kills: size.kills, tasks: load.tasks(), unanswered: client.unanswered() });
    report(figuresOf(verdict));
    expectFaultless(verdict);
  },
);
