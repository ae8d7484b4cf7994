import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { delivering, services } from '../contenders/all.ts';
import type { Place, Running } from '../contenders/contender.ts';
import { run } from '../load/load.ts';
import { taskOf } from '../payload.ts';
import { drained } from './checks.ts';
import { using, type Scenario } from './scenario.ts';

const SAMPLE_MS = 100;
const IDLE_SECONDS = 2;
const WAITING = 1_000_000;

type State = 'idle' | 'load' | 'waiting';
const STATES: readonly State[] = ['idle', 'load', 'waiting'];

export const memory: Scenario = {
  name: 'memory',
  title: 'Memory',
  method:
    'Resident MiB of the process, the highest of ten samples a second: idle, end to end under the load of 64 connections, and while it sends off a backlog of 1,000,000. What a database server beside it takes is not in it, but for Redis, which holds all tasks in memory.',
  unit: 'MiB',
  better: 'less',
  digits: 0,
  contenders: delivering,
  series: [
    { name: 'idle', value: 0 },
    { name: 'under load', value: 1 },
    { name: '1,000,000 waiting', value: 2, only: services },
  ],
  measure: async (contender, series, { dir, sink, seconds, connections }) => {
    const state = STATES[series] ?? 'idle';
    const endpoint = sink.endpoints.slice(0, 1);
    const place: Place = {
      dir,
      agents: endpoint,
      agentsAre: 'there',
      ...(state === 'waiting'
        ? { seed: { count: WAITING, state: 'waiting', agentUrl: endpoint[0]?.url ?? '' } }
        : {}),
    };
    await sink.reset();
    return using(contender.start(place), async (running) => {
      const highest = watch(running);
      if (state === 'load') {
        const { url, runPaths: paths } = running;
        await run({ url, paths, body: taskOf(300), connections, dir, seconds: seconds * 2 });
        await drained(contender.name, running, sink);
      } else await sleep((state === 'idle' ? IDLE_SECONDS : seconds * 2) * 1_000);
      const { own, server } = highest();
      return { value: own + server, details: { own, server } };
    });
  },
};

/** The highest sum of what its processes have resident, in MiB, from now until it is asked for. */
function watch({ pids, serverPids }: Running): () => { own: number; server: number } {
  let own = 0;
  let server = 0;
  const sample = (): void => {
    own = Math.max(
      own,
      pids.map(residentMiB).reduce((a, b) => a + b, 0),
    );
    server = Math.max(
      server,
      serverPids.map(residentMiB).reduce((a, b) => a + b, 0),
    );
  };
  const timer = setInterval(sample, SAMPLE_MS);
  return () => {
    clearInterval(timer);
    sample();
    return { own, server };
  };
}

function residentMiB(pid: number): number {
  const status = readFileSync(`/proc/${String(pid)}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) / 1_024;
}
