import { setTimeout as sleep } from 'node:timers/promises';
import { delivering, services } from '../contenders/all.ts';
import type { Place, Running } from '../contenders/contender.ts';
import { proportionalMiB, residentMiB } from '../processes.ts';
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
    'Resident MiB of the processes, the highest of ten samples a second: idle, end to end under the load of 64 connections, and while a backlog of 1,000,000 is sent off. Beside it what its database server has resident at the end, shared memory counted once.',
  unit: 'MiB',
  better: 'less',
  digits: 0,
  beside: { detail: 'server', label: 'server' },
  contenders: delivering,
  series: [
    { name: 'idle', value: 0 },
    { name: 'under load', value: 1 },
    { name: '1,000,000 waiting', value: 2, only: services },
  ],
  measure: async (contender, series, { dir, sink, load, seconds, connections }) => {
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
      const before = await running.counts();
      const highest = watch(running);
      if (state === 'load') {
        const { url, runPaths: paths } = running;
        await load({ url, paths, body: taskOf(300), connections, dir, seconds });
        await drained(contender.name, running, sink, before);
      } else await sleep((state === 'idle' ? IDLE_SECONDS : seconds * 2) * 1_000);
      return { value: highest(), details: { server: proportionalMiB(running.serverPids) } };
    });
  },
};

/** The most that its processes have resident from now until it is asked for, in MiB. */
function watch({ pids }: Running): () => number {
  let highest = 0;
  const sample = (): void => {
    const sum = pids.map(residentMiB).reduce((a, b) => a + b, 0);
    highest = Math.max(highest, sum);
  };
  const timer = setInterval(sample, SAMPLE_MS);
  return () => {
    clearInterval(timer);
    sample();
    return highest;
  };
}
