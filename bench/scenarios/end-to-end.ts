import { delivering } from '../contenders/all.ts';
import { SIZES, sizeName } from '../payload.ts';
import { startAndMeasureDelivery } from './delivery.ts';
import type { Scenario } from './scenario.ts';

export const endToEnd: Scenario = {
  name: 'end-to-end',
  title: 'End to end',
  method:
    'Tasks a second that are accepted, signed, sent to a live agent, answered, and recorded as delivered; a closed loop of 64 connections. The time runs from the first request to the last record: what waits when the load ends is counted with the time that it takes.',
  unit: '1/s',
  better: 'more',
  digits: 0,
  contenders: delivering,
  series: SIZES.map((bytes) => ({ name: sizeName(bytes), value: bytes })),
  measure: (contender, bytes, context) =>
    startAndMeasureDelivery(contender, { bytes, agents: 1 }, context),
};
