import { expect } from 'vitest';
import type { Experiment } from '../harness/experiment.ts';
import type { Finding, Verdict } from '../oracle/oracle.ts';

/** How an experiment went. */
export interface Outcome {
  readonly verdict: Verdict;
  readonly figures: Readonly<Record<string, number | string>>;
}

/** Prints the figures, and lets nothing lost, unexpected, duplicated or out of order pass. */
export function expectFaultless(report: Experiment<unknown>['report'], outcome: Outcome): void {
  const { lost, unexpected, duplicated, inversions, ...counts } = outcome.verdict;
  const { acknowledged, unknown, recovered, repeated, inFlight } = counts;
  report({
    ...outcome.figures,
    acknowledged,
    unknown,
    recovered,
    lost: lost.length,
    unexpected: unexpected.length,
    duplicated: duplicated.length,
    'in flight': inFlight,
    repeated,
    inversions: inversions.length,
  });
  expect({
    lost: shown(lost),
    unexpected: shown(unexpected),
    duplicated: shown(duplicated),
    inversions: shown(inversions),
  }).toEqual({ lost: [], unexpected: [], duplicated: [], inversions: [] });
}

/** Thousands of findings have the same cause as the first. */
function shown(findings: readonly Finding[]): string[] {
  const first = findings.slice(0, 10).map(({ subject, what }) => `${subject}: ${what}`);
  return findings.length > 10 ? [...first, `... of ${findings.length}`] : first;
}
