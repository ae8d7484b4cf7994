import { services } from '../contenders/all.ts';
import { relay } from '../contenders/memory.ts';
import { now } from '../clock.ts';
import { run } from '../load/load.ts';
import { checkAccepted, checkDelivered, drained } from './checks.ts';
import { using, type Scenario } from './scenario.ts';

/** `@@` is another number in each request. */
const bodyOf = (name: string): string =>
  JSON.stringify({
    agentName: `${name}-@@`,
    version: '1.0.0',
    contactEndpoint: 'http://127.0.0.1:9000/tasks',
    capabilities: ['summarize', 'translate'],
    metadata: { team: 'docs' },
  });

export const registration: Scenario = {
  name: 'registration',
  title: 'Registration and webhook',
  method:
    'Agents a second that are registered, whose REGISTER is signed, sent to Ops-Core, answered, and recorded as delivered; otherwise as end to end.',
  unit: '1/s',
  better: 'more',
  digits: 0,
  contenders: [relay, ...services],
  series: [{ name: 'registrations', value: 1 }],
  measure: async (contender, _, { dir, sink, seconds, warmUpSeconds, connections }) => {
    const webhookUrl = sink.endpoints[0]?.url ?? '';
    const place = { dir, agents: [], agentsAre: 'there' as const, webhookUrl };
    return using(contender.start(place), async (running) => {
      const load = { url: running.url, paths: ['/v1/agents/register'], connections, dir };
      await sink.reset();
      await run({ ...load, body: bodyOf('warm-up'), seconds: warmUpSeconds });
      const warmedUp = await drained(contender.name, running, sink);
      const startedAt = now();
      const result = await run({ ...load, body: bodyOf('agent'), seconds });
      const { at, count } = await drained(contender.name, running, sink);
      const accepted = count - warmedUp.count;
      checkAccepted(contender.name, result, accepted, connections);
      checkDelivered(contender.name, await sink.record(), count, running.secrets);
      return {
        value: (accepted * 1_000) / (at - startedAt),
        details: { p50: result.p50, p99: result.p99 },
      };
    });
  },
};
