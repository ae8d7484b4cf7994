import { rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { eventually } from '../helpers/eventually.ts';
import { tempDir } from '../helpers/service-process.ts';
import type { Answer } from './harness/client.ts';
import { experiment } from './harness/experiment.ts';
import { limitFiles } from './harness/file-limit.ts';
import { startLoad } from './harness/load.ts';
import { readiness } from './harness/outage.ts';
import { setStage } from './harness/stage.ts';
import { answersSlowly } from './scenarios/behaviours.ts';
import { expectFaultless } from './scenarios/outcome.ts';

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

experiment(
  'SQLite: I/O errors at random, and kill -9 among them',
  { full: { rounds: 40 }, short: { rounds: 8 }, limit: 90 },
  async ({ size, random, report }) => {
    const folder = tempDir();
    const flag = join(tempDir(), 'failing');
    const preload = join(import.meta.dirname, 'harness/failing-sqlite.ts');
    const answers: Answer[] = [];
    const stage = await setStage({
      store: 'sqlite',
      random,
      agents: 4,
      folder,
      env: {
        AGENT_CONCURRENCY: '8',
        NODE_OPTIONS: `--import=${preload}`,
        FAILING_SQLITE_WHILE: flag,
      },
      behave: answersSlowly(random, 20),
      client: { onAnswer: (answer) => answers.push(answer) },
    });
    const { replicas } = stage;

    /** Writes of the log fail somewhere in the middle of a transaction, for a while. */
    async function refuseWrites(): Promise<void> {
      const service = replicas.service(0);
      const { size: walBytes } = statSync(join(folder, 'agentkit.db-wal'));
      limitFiles(service?.pid ?? 0, random.between(0, walBytes));
      await pause(random.between(20, 200));
    }

    async function failNowAndThen(): Promise<void> {
      writeFileSync(flag, '');
      await pause(random.between(50, 300));
    }

    const load = startLoad(stage, { taskClients: 16, agentClients: 2, pauseMs: 5 });
    let kills = 0;
    for (let round = 1; round <= size.rounds; round += 1) {
      await pause(random.between(0, 200));
      await (random.chance(0.5) ? refuseWrites() : failNowAndThen());
      if (random.chance(0.25)) {
        await replicas.kill(0);
        kills += 1;
        rmSync(flag, { force: true });
        await replicas.start(0);
      } else {
        rmSync(flag, { force: true });
        limitFiles(replicas.service(0)?.pid ?? 0, 'unlimited');
      }
    }
    await eventually(async () => (await readiness(stage))[0] === 200, 'it is ready again');
    await load.stop();
    await stage.drained();
    const refused = answers.filter(({ status }) => status >= 500);
    expectFaultless(report, {
      verdict: await stage.judged(),
      figures: { rounds: size.rounds, kills, tasks: load.tasks(), refused: refused.length },
    });
    expect(refused.length).toBeGreaterThan(0);
    expect(new Set(refused.map(({ status, code }) => `${status} ${code}`))).toEqual(
      new Set(['503 store_unavailable']),
    );
  },
);
