import { services } from '../contenders/all.ts';
import { startAndMeasureDelivery } from './delivery.ts';
import type { Scenario } from './scenario.ts';

export const stored: Scenario = {
  name: 'stored',
  title: 'With deliveries stored',
  method:
    'End to end with 300 B on a database that holds so many delivered tasks, as a service leaves them within its `RETENTION`.',
  unit: '1/s',
  better: 'more',
  digits: 0,
  contenders: services,
  series: [1_000, 100_000, 1_000_000].map((count) => ({
    name: `${count.toLocaleString('en')} stored`,
    value: count,
  })),
  measure: (contender, count, context) => {
    const seed = {
      count,
      state: 'delivered' as const,
      agentUrl: context.sink.endpoints[0]?.url ?? '',
    };
    return startAndMeasureDelivery(contender, { bytes: 300, agents: 1, seed }, context);
  },
};
