import { now } from '../clock.ts';
import { delivering } from '../contenders/all.ts';
import type { Running } from '../contenders/contender.ts';
import { taskOf } from '../payload.ts';
import { checkDelivered, drained } from './checks.ts';
import { using, type RoundContext, type Scenario } from './scenario.ts';

const FILL_SECONDS = 5;
const BODY = taskOf(300);

export const backlog: Scenario = {
  name: 'backlog',
  title: 'Backlog',
  method:
    'Tasks a second that are sent and recorded when agents come back to so many waiting ones of 300 B, and nothing else comes in. The peers: when their worker starts.',
  unit: '1/s',
  better: 'more',
  digits: 0,
  contenders: delivering,
  series: [{ name: '100,000 waiting', value: 100_000 }],
  mostRounds: 3,
  measure: async (contender, count, context) => {
    const { dir, sink } = context;
    const place = { dir, agents: sink.endpoints.slice(0, 1), agentsAre: 'away' as const };
    return using(contender.start(place), async (running) => {
      const before = await running.counts();
      await sink.reset();
      if (running.fill === undefined) await fillByHttp(running, count, context);
      else await running.fill(count, BODY);
      const startedAt = now();
      await running.release();
      const { at, delivered } = await drained(contender.name, running, sink, before);
      checkDelivered(contender.name, await sink.record(), delivered, running.secrets);
      const seconds = (at - startedAt) / 1_000;
      return { value: delivered / seconds, details: { delivered, seconds } };
    });
  },
};

async function fillByHttp(
  running: Running,
  count: number,
  { dir, load, connections }: RoundContext,
): Promise<void> {
  const { url, runPaths: paths } = running;
  const before = await running.counts();
  let accepted = 0;
  while (accepted < count) {
    const seconds = secondsFor(count - accepted, accepted);
    const { failed } = await load({ url, paths, body: BODY, connections, dir, seconds });
    if (failed > 0) throw new Error(`${String(failed)} requests failed`);
    accepted = (await running.counts()).accepted - before.accepted;
  }
}

/** Not more by far than is missing: the generator knows time, and not numbers. */
function secondsFor(missing: number, accepted: number): number {
  if (accepted === 0) return 1;
  return Math.max(1, Math.min(FILL_SECONDS, Math.floor((missing / accepted) * 0.8)));
}
