import { everybody } from '../contenders/all.ts';
import { relay } from '../contenders/memory.ts';
import { run } from '../load/load.ts';
import { cpuMs } from '../processes.ts';
import { SIZES, sizeName, taskOf } from '../payload.ts';
import { checkAccepted } from './checks.ts';
import { using, type Scenario } from './scenario.ts';

/** How many tasks a second get their 202. */
export const accept: Scenario = {
  name: 'accept',
  title: 'Accept',
  method:
    'Tasks answered with 202 a second; a closed loop of 64 connections. Nothing is sent on meanwhile: the agent is away, the peers run no worker.',
  unit: '1/s',
  better: 'more',
  digits: 0,
  // A relay that relays nothing is Fastify that fills memory.
  contenders: everybody.filter((contender) => contender !== relay),
  series: SIZES.map((bytes) => ({ name: sizeName(bytes), value: bytes })),
  measure: async (contender, bytes, { dir, sink, seconds, warmUpSeconds, connections }) => {
    const place = { dir, agents: sink.endpoints.slice(0, 1), agentsAre: 'away' as const };
    return using(contender.start(place), async (running) => {
      const { url, runPaths: paths } = running;
      const load = { url, paths, body: taskOf(bytes), connections, dir };
      await run({ ...load, seconds: warmUpSeconds });
      const processes = [...running.pids, ...running.serverPids];
      const before = await running.counts();
      const cpuBefore = cpuMs(processes);
      const result = await run({ ...load, seconds });
      const cpu = cpuMs(processes) - cpuBefore;
      const after = await running.counts();
      checkAccepted(contender.name, result, after.accepted - before.accepted, connections);
      return {
        value: result.requests / result.seconds,
        details: {
          cpuMicrosPerTask: (cpu * 1_000) / result.requests,
          p50: result.p50,
          p99: result.p99,
        },
      };
    });
  },
};
