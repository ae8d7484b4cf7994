import { experiment } from './harness/experiment.ts';
import { expectFaultless } from './scenarios/outcome.ts';
import { endUnderLoad } from './scenarios/terms.ts';

experiment(
  'SQLite: SIGTERM under load',
  { full: { rounds: 10 }, short: { rounds: 2 }, limit: 60 },
  async ({ size, random, report }) =>
    expectFaultless(report, await endUnderLoad({ random }, { store: 'sqlite', ...size })),
);

experiment(
  'PostgreSQL: SIGTERM of one replica after the other under load',
  { full: { rounds: 9 }, limit: 60 },
  async ({ size, random, report }) =>
    expectFaultless(report, await endUnderLoad({ random }, { store: 'postgres', ...size })),
);
