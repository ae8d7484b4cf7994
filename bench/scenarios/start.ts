import { services } from '../contenders/all.ts';
import { using, type Scenario } from './scenario.ts';

export const start: Scenario = {
  name: 'start',
  title: 'Start',
  method:
    'Milliseconds from the start of the process to its being ready, on a new database and on one of a million tasks.',
  unit: 'ms',
  better: 'less',
  digits: 0,
  contenders: services,
  series: [
    { name: 'new', value: 0 },
    { name: '1,000,000 delivered', value: 1_000_000 },
    { name: '1,000,000 waiting', value: -1_000_000 },
  ],
  measure: async (contender, rows, { dir, sink }) => {
    await sink.reset();
    const place = {
      dir,
      agents: [],
      agentsAre: 'there' as const,
      ...(rows === 0
        ? {}
        : {
            seed: {
              count: Math.abs(rows),
              state: rows > 0 ? ('delivered' as const) : ('waiting' as const),
              agentUrl: sink.endpoints[0]?.url ?? '',
            },
          }),
    };
    return using(contender.start(place), async ({ readyAfterMs }) => ({
      value: readyAfterMs,
      details: {},
    }));
  },
};
