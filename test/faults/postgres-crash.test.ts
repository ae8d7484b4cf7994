import { expect, onTestFinished } from 'vitest';
import { startPostgres } from '../helpers/postgres-server.ts';
import type { Answer } from './harness/client.ts';
import { experiment } from './harness/experiment.ts';
import { startLoad } from './harness/load.ts';
import { figuresOfCourses, goThrough, type Course } from './harness/outage.ts';
import { postgresOnlooker } from './harness/postgres-onlooker.ts';
import { setStage } from './harness/stage.ts';
import { answersSlowly } from './scenarios/behaviours.ts';
import { expectFaultless } from './scenarios/outcome.ts';

/** After PostgreSQL takes connections again. */
const BACK_WITHIN_MS = 10_000;

experiment(
  'PostgreSQL: stopped as by a crash and started again under load',
  { full: { crashes: 5, lastsMs: 2_000 }, short: { crashes: 1, lastsMs: 500 }, limit: 90 },
  async ({ size, random, report }) => {
    const server = await startPostgres();
    onTestFinished(() => server.remove());
    const answers: Answer[] = [];
    const stage = await setStage({
      store: await postgresOnlooker(server.url('postgres')),
      random,
      replicas: 2,
      agents: 4,
      // Fewer slots than tasks that wait, so that a worker holds some at each crash.
      env: { AGENT_CONCURRENCY: '8' },
      behave: answersSlowly(random, 100),
      client: { onAnswer: (answer) => answers.push(answer) },
    });
    const load = startLoad(stage, { taskClients: 32, agentClients: 1, pauseMs: 5 });
    const courses: Course[] = [];
    for (let round = 1; round <= size.crashes; round += 1) {
      const course = await goThrough(
        { stage, load, answers },
        {
          begin: () => server.stopImmediately(),
          lastsMs: size.lastsMs,
          end: () => server.start(),
        },
      );
      courses.push(course);
    }
    await load.stop();
    await stage.drained();
    expectFaultless(report, {
      verdict: await stage.judged(),
      figures: { crashes: size.crashes, tasks: load.tasks(), ...figuresOfCourses(courses) },
    });
    for (const { readyAfterMs } of courses) expect(readyAfterMs).toBeLessThan(BACK_WITHIN_MS);
  },
);
