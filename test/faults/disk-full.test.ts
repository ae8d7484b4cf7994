import { expect } from 'vitest';
import { eventually } from '../helpers/eventually.ts';
import { spawnService } from '../helpers/service-process.ts';
import type { Answer } from './harness/client.ts';
import { experiment } from './harness/experiment.ts';
import { limitFiles } from './harness/file-limit.ts';
import { startLoad } from './harness/load.ts';
import { figuresOfCourses, goThrough, readiness, type Course } from './harness/outage.ts';
import { smallDisk } from './harness/small-disk.ts';
import { setStage, type Stage } from './harness/stage.ts';
import { answersSlowly } from './scenarios/behaviours.ts';
import { expectFaultless } from './scenarios/outcome.ts';

experiment(
  'SQLite: the disk is full',
  { full: { fills: 5, lastsMs: 2_000 }, short: { fills: 2, lastsMs: 500 }, limit: 90 },
  async ({ size, random, report }) => {
    const disk = smallDisk(48);
    report({ by: disk === undefined ? 'RLIMIT_FSIZE, as nothing may be mounted here' : 'tmpfs' });
    const answers: Answer[] = [];
    const stage = await setStage({
      store: 'sqlite',
      random,
      agents: 4,
      // The log as well.
      ...(disk === undefined ? {} : { folder: disk.folder, logInFolder: true }),
      env: { AGENT_CONCURRENCY: '8' },
      behave: answersSlowly(random, 20),
      client: { onAnswer: (answer) => answers.push(answer) },
    });
    const { replicas } = stage;
    const fill = () => (disk === undefined ? limit(stage, 0) : disk.fill());
    const free = () => (disk === undefined ? limit(stage, 'unlimited') : disk.free());
    const load = startLoad(stage, { taskClients: 16, agentClients: 1, pauseMs: 10 });
    const courses: Course[] = [];
    for (let round = 1; round <= size.fills; round += 1) {
      const course = await goThrough(
        { stage, load, answers },
        {
          lastsMs: size.lastsMs,
          // What the service has just given back it may take again.
          begin: () =>
            eventually(async () => {
              fill();
              return (await readiness(stage)).every((status) => status === 503);
            }, 'the disk is full'),
          meanwhile: async () => {
            if (round < size.fills || disk === undefined) return;
            await replicas.kill(0);
            await refusesToStart(stage, disk.folder);
          },
          end: async () => {
            free();
            if (replicas.service(0) === undefined) await replicas.start(0);
          },
        },
      );
      courses.push(course);
      // Its log went on as well, line by line.
      const told = () => replicas.service(0)?.log() ?? [];
      const isOver = () => told().some(({ msg }) => msg === 'the store is available again');
      if (round === 1) await eventually(isOver, 'it says that it is over');
    }
    await load.stop();
    await stage.drained();
    expectFaultless(report, {
      verdict: await stage.judged(),
      figures: { fills: size.fills, tasks: load.tasks(), ...figuresOfCourses(courses) },
    });
  },
);

function limit({ replicas }: Stage, bytes: number | 'unlimited'): void {
  const service = replicas.service(0);
  if (service !== undefined) limitFiles(service.pid, bytes);
}

/** A start that has leases of a dead process to give back, and no space to do it in. */
async function refusesToStart({ onlooker }: Stage, dir: string): Promise<void> {
  const service = spawnService({ dir, env: { DATABASE_URL: onlooker.urlFor('another') } });
  expect(await service.exited).toEqual({ code: 1, signal: null });
  expect(service.stderr()).toMatch(/^agentkit: cannot start on .*: SQLite cannot write .*\n$/);
}
