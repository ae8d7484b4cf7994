import { experiment } from './harness/experiment.ts';
import { raceCancels } from './scenarios/cancel.ts';
import { expectFaultless } from './scenarios/outcome.ts';

experiment(
  'SQLite: cancels race with dispatches and retries',
  { full: { tasks: 4_000 }, short: { tasks: 400 }, limit: 60 },
  async ({ size, random, report }) =>
    expectFaultless(report, await raceCancels({ random }, { store: 'sqlite', ...size })),
);

experiment(
  'PostgreSQL: cancels race with dispatches and retries, each at any replica',
  { full: { tasks: 4_000 }, short: { tasks: 400 }, limit: 90 },
  async ({ size, random, report }) =>
    expectFaultless(report, await raceCancels({ random }, { store: 'postgres', ...size })),
);
