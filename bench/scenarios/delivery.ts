import { now } from '../clock.ts';
import type { Contender, Place, Running } from '../contenders/contender.ts';
import { taskOf } from '../payload.ts';
import { cpuMs } from '../processes.ts';
import { checkAccepted, checkDelivered, drained } from './checks.ts';
import { using, type Measurement, type RoundContext } from './scenario.ts';

/**
 * Tasks a second that are accepted, signed, sent, answered and recorded: over the time from the first request to the
 * last record, so what waits when the load ends counts with the time that it takes. The contender is warm and idle.
 */
export async function measureDelivery(
  name: string,
  running: Running,
  bytes: number,
  { dir, sink, load, seconds, connections }: Omit<RoundContext, 'warmUpSeconds'>,
): Promise<Measurement> {
  const { url, runPaths: paths, pids, serverPids } = running;
  const processes = [...pids, ...serverPids];
  const before = await running.counts();
  await sink.reset();
  const cpuBefore = cpuMs(processes);
  const startedAt = now();
  const result = await load({ url, paths, body: taskOf(bytes), connections, dir, seconds });
  const loadEndedAt = now();
  const { at, delivered } = await drained(name, running, sink, before);
  const cpu = cpuMs(processes) - cpuBefore;
  checkAccepted(name, result, delivered, connections);
  checkDelivered(name, await sink.record(), delivered, running.secrets);
  return {
    value: (delivered * 1_000) / (at - startedAt),
    details: {
      acceptedPerSecond: result.requests / result.seconds,
      cpuMicrosPerTask: (cpu * 1_000) / delivered,
      drainSeconds: (at - loadEndedAt) / 1_000,
      p50: result.p50,
      p99: result.p99,
    },
  };
}

/** The same of one that has yet to be started. */
export function startAndMeasureDelivery(
  contender: Contender,
  options: { readonly bytes: number; readonly agents: number; readonly seed?: Place['seed'] },
  context: RoundContext,
): Promise<Measurement> {
  const { dir, sink, load, warmUpSeconds: seconds, connections } = context;
  const { bytes, seed } = options;
  const place: Place = {
    dir,
    agents: sink.endpoints.slice(0, options.agents),
    agentsAre: 'there',
    ...(seed === undefined ? {} : { seed }),
  };
  return using(contender.start(place), async (running) => {
    const before = await running.counts();
    const { url, runPaths: paths } = running;
    await sink.reset();
    await load({ url, paths, body: taskOf(bytes), connections, dir, seconds });
    await drained(contender.name, running, sink, before);
    return measureDelivery(contender.name, running, bytes, context);
  });
}
