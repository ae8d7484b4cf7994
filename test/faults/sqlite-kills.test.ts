import { experiment } from './harness/experiment.ts';
import { killOnSqlite } from './scenarios/kills.ts';
import { expectFaultless } from './scenarios/outcome.ts';

experiment(
  'SQLite: kill -9 at random moments under load',
  { full: { kills: 200 }, short: { kills: 5 }, limit: 500 },
  async ({ size, random, report }) => expectFaultless(report, await killOnSqlite({ random }, size)),
);
