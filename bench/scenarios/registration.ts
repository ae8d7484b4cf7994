import { services } from '../contenders/all.ts';
import { relay } from '../contenders/memory.ts';
import { now } from '../clock.ts';
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
  mostRounds: 3,
  measure: async (contender, _, { dir, sink, load, seconds, warmUpSeconds, connections }) => {
    const webhookUrl = sink.endpoints[0]?.url ?? '';
    const place = { dir, agents: [], agentsAre: 'there' as const, webhookUrl };
    return using(contender.start(place), async (running) => {
      const to = { url: running.url, paths: ['/v1/agents/register'], connections, dir };
      const empty = await running.counts();
      await sink.reset();
      await load({ ...to, body: bodyOf('warm-up'), seconds: warmUpSeconds });
      await drained(contender.name, running, sink, empty);
      const before = await running.counts();
      await sink.reset();
      const startedAt = now();
      const result = await load({ ...to, body: bodyOf('agent'), seconds });
      const { at, delivered } = await drained(contender.name, running, sink, before);
      checkAccepted(contender.name, result, delivered, connections);
      checkDelivered(contender.name, await sink.record(), delivered, running.secrets);
      return {
        value: (delivered * 1_000) / (at - startedAt),
        details: { p50: result.p50, p99: result.p99 },
      };
    });
  },
};
