import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { experiment } from './harness/experiment.ts';
import type { Scene } from './harness/stage.ts';
import type { Verdict } from './oracle/oracle.ts';
import { bugs, type PlantedBug } from './planted/bugs.ts';
import { edited, SOURCE } from './planted/edited.ts';
import { raceCancels } from './scenarios/cancel.ts';
import { jumpOfClock } from './scenarios/clock.ts';
import { killOnSqlite } from './scenarios/kills.ts';
import { orderOfWebhooks } from './scenarios/order.ts';
import { expectFaultless, type Outcome } from './scenarios/outcome.ts';
import { pauseReplicas } from './scenarios/pause.ts';

type Findings = 'lost' | 'unexpected' | 'duplicated' | 'inversions';

describe('every planted bug', () => {
  it.each(Object.keys(bugs) as PlantedBug[])('%s: has its place in the source', (bug) => {
    for (const { file } of bugs[bug]) {
      const text = readFileSync(join(SOURCE, file), 'utf8');
      expect(edited(file, text, [bug])).not.toBe(text);
    }
  });
});

/** The oracle finds the bug by an experiment that holds without it. */
function caught(
  bug: PlantedBug,
  by: Findings,
  run: (scene: Scene) => Promise<Outcome>,
  { inShort = false, and = [] }: { inShort?: boolean; and?: readonly PlantedBug[] } = {},
): void {
  experiment(
    `planted: ${bug}`,
    { full: {}, ...(inShort ? { short: {} } : {}), limit: 180 },
    async ({ random, report }) => {
      const { verdict, figures } = await run({ random, planted: [bug, ...and] });
      report({ ...figures, ...counts(verdict), first: verdict[by][0]?.what ?? 'nothing' });
      expect(verdict[by].length, `the oracle found no ${by}`).toBeGreaterThan(0);
    },
  );
}

function counts({ lost, unexpected, duplicated, inversions }: Verdict) {
  return {
    lost: lost.length,
    unexpected: unexpected.length,
    duplicated: duplicated.length,
    inversions: inversions.length,
  };
}

const kills = (scene: Scene) => killOnSqlite(scene, { kills: 3 });
const order = (store: 'sqlite' | 'postgres') => (scene: Scene) =>
  orderOfWebhooks(scene, { store, events: 200, failRate: 0.3 });
const cancels = (store: 'sqlite' | 'postgres') => (scene: Scene) =>
  raceCancels(scene, { store, tasks: 300 });
const stopped = (scene: Scene) => pauseReplicas(scene, { rounds: 1 });

caught('the answer goes out before the commit', 'lost', kills, { inShort: true });
caught('the Idempotency-Key is ignored', 'unexpected', (scene) =>
  killOnSqlite(scene, { kills: 3, cutRate: 0.3 }),
);
caught('an event is written without its state', 'unexpected', order('sqlite'), { inShort: true });
caught('a state is written without its event', 'lost', order('sqlite'));
caught('a refusal counts as delivered', 'lost', order('sqlite'));
caught('the event that is due first goes out first', 'inversions', order('sqlite'), {
  inShort: true,
});
caught('the event that is due first goes out first (PostgreSQL)', 'inversions', order('postgres'));
caught('a stale completion is taken', 'duplicated', stopped, { and: ['leases are short'] });
caught('an attempt starts although its lease is over', 'duplicated', stopped, {
  and: ['leases are short'],
});
experiment(
  'no bug, and leases as short as with the two before',
  { full: {}, limit: 180 },
  async ({ random, report }) =>
    expectFaultless(report, await stopped({ random, planted: ['leases are short'] })),
);
caught('a cancel does not tell the worker', 'unexpected', cancels('sqlite'), { inShort: true });
caught(
  'a cancel does not wait for the replica that holds the task',
  'unexpected',
  cancels('postgres'),
);
caught('due times are told by the wall clock', 'duplicated', (scene) =>
  jumpOfClock(scene, { store: 'sqlite', byMs: 3_600_000, tasks: 20 }),
);
