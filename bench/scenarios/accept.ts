import { bareFastify, bareHttp } from '../contenders/memory.ts';
import { serviceOnSqlite } from '../contenders/sqlite.ts';
import { run } from '../load/load.ts';
import { SIZES, taskOf } from '../payload.ts';
import { checkAccepted } from './checks.ts';
import { using, type Scenario } from './scenario.ts';

/** How many tasks a second get their 202. Nothing is sent on: the agent is away. */
export const accept: Scenario = {
  name: 'accept',
  title: 'Accept',
  method:
    'Tasks answered with 202 a second, closed loop. Nothing is sent on meanwhile: the agent is away, the peers run no worker.',
  unit: '1/s',
  better: 'more',
  contenders: [bareHttp, bareFastify, serviceOnSqlite],
  series: SIZES.map(String),
  measure: async (contender, series, { dir, sink, seconds, warmUpSeconds, connections }) => {
    const place = { dir, agents: sink.endpoints.slice(0, 1), agentsAre: 'away' as const };
    return using(contender.start(place), async (running) => {
      const load = {
        url: running.url,
        paths: running.runPaths,
        body: taskOf(Number(series)),
        connections,
        dir,
      };
      await run({ ...load, seconds: warmUpSeconds });
      const before = await running.counts();
      const result = await run({ ...load, seconds });
      const after = await running.counts();
      checkAccepted(contender.name, result, after.accepted - before.accepted, connections);
      const { p50, p99 } = result;
      return { series, value: result.requests / result.seconds, details: { p50, p99 } };
    });
  },
};
