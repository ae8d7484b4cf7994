import { experiment } from './harness/experiment.ts';
import { leases } from './harness/leases.ts';
import { killReplicas } from './scenarios/kills.ts';
import { expectFaultless } from './scenarios/outcome.ts';

experiment(
  'PostgreSQL: one of three replicas killed with -9 every second',
  { full: { tasks: 20_000 }, short: { tasks: 400 }, limit: 500 },
  async ({ size, random, report }) =>
    expectFaultless(report, await killReplicas({ random, planted: leases }, size)),
);
