import { services } from '../contenders/all.ts';
import { relay } from '../contenders/memory.ts';
import { startAndMeasureDelivery } from './delivery.ts';
import type { Scenario } from './scenario.ts';

/** Each at an address of its own, so with connections of its own. */
export const MANY_AGENTS = 1_000;

export const agents: Scenario = {
  name: 'agents',
  title: '1,000 agents against 1',
  method:
    'End to end with 300 B, to one agent and to 1,000 in turn, each of which is a host of its own to the sender.',
  unit: '1/s',
  better: 'more',
  digits: 0,
  contenders: [relay, ...services],
  series: [
    { name: '1 agent', value: 1 },
    { name: '1,000 agents', value: MANY_AGENTS },
  ],
  agents: MANY_AGENTS,
  measure: (contender, count, context) =>
    startAndMeasureDelivery(contender, { bytes: 300, agents: count }, context),
};
