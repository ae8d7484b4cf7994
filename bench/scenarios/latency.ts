import { delivering } from '../contenders/all.ts';
import { runOpenLoop } from '../load/open-loop.ts';
import { quantile } from '../report/statistics.ts';
import { checkDelivered, drained } from './checks.ts';
import { using, type Scenario } from './scenario.ts';

/** So that the 99th percentile of the slowest rate stands on some twenty values. */
const SHARE_OF_SECONDS = 2;

export const latency: Scenario = {
  name: 'latency',
  title: 'Accept to arrival',
  method:
    'Milliseconds from the moment a task is sent to the service to its arrival at the agent, the median; the 99th percentile beside it. An open loop: 300 B tasks at a fixed rate, whether answers come or not. Both ends read the same clock.',
  unit: 'ms',
  better: 'less',
  digits: 2,
  beside: { detail: 'p99', label: 'p99' },
  contenders: delivering,
  series: [200, 1_000].map((rate) => ({ name: `${rate.toLocaleString('en')}/s`, value: rate })),
  measure: async (contender, perSecond, { dir, sink, seconds, warmUpSeconds }) => {
    const place = { dir, agents: sink.endpoints.slice(0, 1), agentsAre: 'there' as const };
    return using(contender.start(place), async (running) => {
      const load = {
        url: running.url,
        path: running.runPaths[0] ?? '',
        bytes: 300,
        perSecond,
        dir,
      };
      const empty = await running.counts();
      await sink.reset();
      await runOpenLoop({ ...load, seconds: warmUpSeconds });
      await drained(contender.name, running, sink, empty);
      const before = await running.counts();
      await sink.reset({ latency: true });
      const result = await runOpenLoop({ ...load, seconds: seconds * SHARE_OF_SECONDS });
      const { delivered } = await drained(contender.name, running, sink, before);
      const record = await sink.record();
      checkDelivered(contender.name, record, delivered, running.secrets);
      if (result.failed > 0 || delivered !== result.sent) {
        throw new Error(
          `${contender.name}: ${String(result.sent)} sent, ${String(result.failed)} failed`,
        );
      }
      const { latencies } = record;
      return {
        value: quantile(latencies, 0.5),
        details: {
          p99: quantile(latencies, 0.99),
          highest: Math.max(...latencies),
          generatorLate: result.latest,
        },
      };
    });
  },
};
