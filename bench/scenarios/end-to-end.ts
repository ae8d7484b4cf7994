import { now } from '../clock.ts';
import { relay } from '../contenders/memory.ts';
import { serviceOnSqlite } from '../contenders/sqlite.ts';
import { run } from '../load/load.ts';
import { SIZES, taskOf } from '../payload.ts';
import { checkAccepted, checkDelivered, drained } from './checks.ts';
import { using, type Scenario } from './scenario.ts';

/** How many tasks a second are accepted, signed, sent to a live agent, answered, and recorded as delivered. */
export const endToEnd: Scenario = {
  name: 'end-to-end',
  title: 'End to end',
  method:
    'Tasks accepted, signed, sent to a live agent and recorded as delivered, over the time from the first request to the last record. The load is a closed loop; what waits when it ends is sent off before the time is taken.',
  unit: '1/s',
  better: 'more',
  contenders: [relay, serviceOnSqlite],
  series: SIZES.map(String),
  measure: async (contender, series, { dir, sink, seconds, warmUpSeconds, connections }) => {
    const place = { dir, agents: sink.endpoints.slice(0, 1), agentsAre: 'there' as const };
    return using(contender.start(place), async (running) => {
      const load = {
        url: running.url,
        paths: running.runPaths,
        body: taskOf(Number(series)),
        connections,
        dir,
      };
      await sink.reset();
      await run({ ...load, seconds: warmUpSeconds });
      const warmedUp = await drained(contender.name, running, sink);
      const startedAt = now();
      const result = await run({ ...load, seconds });
      const loadEndedAt = now();
      const { at, count } = await drained(contender.name, running, sink);
      const accepted = count - warmedUp.count;
      checkAccepted(contender.name, result, accepted, connections);
      checkDelivered(contender.name, await sink.record(), count, running.secrets);
      const { p50, p99 } = result;
      return {
        series,
        value: (accepted * 1_000) / (at - startedAt),
        details: {
          accepted: result.requests / result.seconds,
          drainSeconds: (at - loadEndedAt) / 1_000,
          p50,
          p99,
        },
      };
    });
  },
};
