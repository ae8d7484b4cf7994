import { everybody } from '../contenders/all.ts';
import type { Running } from '../contenders/contender.ts';
import { relay } from '../contenders/memory.ts';
import { SIZES, sizeName, taskOf } from '../payload.ts';
import { cpuMs } from '../processes.ts';
import { checkAccepted } from './checks.ts';
import { using, type Measurement, type RoundContext, type Scenario } from './scenario.ts';

/** Tasks a second that get their 202; the contender is warm, and sends nothing on. */
export async function measureAccept(
  name: string,
  running: Running,
  bytes: number,
  { dir, load, seconds, connections }: Omit<RoundContext, 'sink' | 'warmUpSeconds'>,
): Promise<Measurement> {
  const { url, runPaths: paths, pids, serverPids } = running;
  const processes = [...pids, ...serverPids];
  const before = await running.counts();
  const cpuBefore = cpuMs(processes);
  const result = await load({ url, paths, body: taskOf(bytes), connections, dir, seconds });
  const cpu = cpuMs(processes) - cpuBefore;
  const after = await running.counts();
  checkAccepted(name, result, after.accepted - before.accepted, connections);
  const { requests, p50, p99 } = result;
  return {
    value: requests / result.seconds,
    details: { cpuMicrosPerTask: (cpu * 1_000) / requests, p50, p99 },
  };
}

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
  measure: async (contender, bytes, context) => {
    const { dir, sink, load, warmUpSeconds: seconds, connections } = context;
    const place = { dir, agents: sink.endpoints.slice(0, 1), agentsAre: 'away' as const };
    return using(contender.start(place), async (running) => {
      const { url, runPaths: paths } = running;
      await load({ url, paths, body: taskOf(bytes), connections, dir, seconds });
      return measureAccept(contender.name, running, bytes, context);
    });
  },
};
