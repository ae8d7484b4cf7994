import { now } from '../clock.ts';
import type { Contender, Place } from '../contenders/contender.ts';
import { run } from '../load/load.ts';
import { cpuMs } from '../processes.ts';
import { taskOf } from '../payload.ts';
import { checkAccepted, checkDelivered, drained } from './checks.ts';
import { using, type Measurement, type RoundContext } from './scenario.ts';

/**
 * Tasks a second that are accepted, signed, sent, answered and recorded: over the time from the first request to the
 * last record, so what waits when the load ends counts with the time that it takes.
 */
export function measureDelivery(
  contender: Contender,
  options: { readonly bytes: number; readonly agents: number; readonly seed?: Place['seed'] },
  { dir, sink, seconds, warmUpSeconds, connections }: RoundContext,
): Promise<Measurement> {
  const place: Place = {
    dir,
    agents: sink.endpoints.slice(0, options.agents),
    agentsAre: 'there',
    ...(options.seed === undefined ? {} : { seed: options.seed }),
  };
  return using(contender.start(place), async (running) => {
    const { url, runPaths: paths, secrets } = running;
    const load = { url, paths, body: taskOf(options.bytes), connections, dir };
    await sink.reset();
    await run({ ...load, seconds: warmUpSeconds });
    const warmedUp = await drained(contender.name, running, sink);
    const processes = [...running.pids, ...running.serverPids];
    const cpuBefore = cpuMs(processes);
    const startedAt = now();
    const result = await run({ ...load, seconds });
    const loadEndedAt = now();
    const { at, count } = await drained(contender.name, running, sink);
    const cpu = cpuMs(processes) - cpuBefore;
    const accepted = count - warmedUp.count;
    checkAccepted(contender.name, result, accepted, connections);
    checkDelivered(contender.name, await sink.record(), count, secrets);
    return {
      value: (accepted * 1_000) / (at - startedAt),
      details: {
        acceptedPerSecond: result.requests / result.seconds,
        cpuMicrosPerTask: (cpu * 1_000) / accepted,
        drainSeconds: (at - loadEndedAt) / 1_000,
        p50: result.p50,
        p99: result.p99,
      },
    };
  });
}
