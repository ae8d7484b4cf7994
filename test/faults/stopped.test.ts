import { expect } from 'vitest';
import { experiment } from './harness/experiment.ts';
import { leases } from './harness/leases.ts';
import { expectFaultless } from './scenarios/outcome.ts';
import { pauseAlone, pauseReplicas } from './scenarios/pause.ts';

experiment(
  'PostgreSQL: a replica stopped past its leases, and continued',
  { full: { rounds: 2 }, short: { rounds: 1 }, limit: 180 },
  async ({ size, random, report }) => {
    const outcome = await pauseReplicas({ random, planted: leases }, size);
    expectFaultless(report, outcome);
    expect(outcome.verdict.inFlight, 'nothing was in flight: this shows nothing').toBeGreaterThan(
      0,
    );
  },
);

experiment(
  'SQLite: the service stopped past its leases, and continued',
  { full: {}, limit: 60 },
  async ({ random, report }) => {
    const outcome = await pauseAlone({ random });
    expectFaultless(report, outcome);
    expect(outcome.verdict.inFlight, 'nothing was in flight: this shows nothing').toBeGreaterThan(
      0,
    );
  },
);
