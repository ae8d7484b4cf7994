import { expect } from 'vitest';
import { experiment, type Experiment } from './harness/experiment.ts';
import { jumpOfClock, type Jump } from './scenarios/clock.ts';
import { expectFaultless } from './scenarios/outcome.ts';

const HOUR_MS = 3_600_000;

async function holds({ random, report }: Experiment<unknown>, jump: Jump): Promise<void> {
  const outcome = await jumpOfClock({ random }, jump);
  expectFaultless(report, outcome);
  expect(outcome.figures).toMatchObject({ 'too early': 0, 'agents offline': 0 });
}

experiment(
  'SQLite: the wall clock jumps an hour ahead',
  { full: { tasks: 50 }, short: { tasks: 20 }, limit: 60 },
  async ({ size, ...rest }) =>
    holds({ size, ...rest }, { store: 'sqlite', byMs: HOUR_MS, ...size }),
);

experiment(
  'SQLite: the wall clock jumps an hour back',
  { full: { tasks: 50 }, limit: 60 },
  async ({ size, ...rest }) =>
    holds({ size, ...rest }, { store: 'sqlite', byMs: -HOUR_MS, ...size }),
);

experiment(
  'PostgreSQL: the clocks of the database and the replicas jump an hour ahead, and a replica joins',
  { full: { tasks: 50 }, limit: 60 },
  async ({ size, ...rest }) =>
    holds({ size, ...rest }, { store: 'postgres', byMs: HOUR_MS, ...size }),
);

experiment(
  'PostgreSQL: the clocks of the database and the replicas jump an hour back, and a replica joins',
  { full: { tasks: 50 }, limit: 60 },
  async ({ size, ...rest }) =>
    holds({ size, ...rest }, { store: 'postgres', byMs: -HOUR_MS, ...size }),
);
