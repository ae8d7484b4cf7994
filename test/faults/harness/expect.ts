import { expect } from 'vitest';
import type { Finding, Verdict } from '../oracle/oracle.ts';

/** Nothing lost, unexpected, duplicated beyond what an interruption cut off, or out of order. */
export function expectFaultless(verdict: Verdict): void {
  const { lost, unexpected, duplicated, inversions } = verdict;
  expect({
    lost: shown(lost),
    unexpected: shown(unexpected),
    duplicated: shown(duplicated),
    inversions: shown(inversions),
  }).toEqual({ lost: [], unexpected: [], duplicated: [], inversions: [] });
}

/** The verdict in figures. */
export function figuresOf(verdict: Verdict): Record<string, number> {
  const { acknowledged, unknown, recovered, repeated, inFlight } = verdict;
  return {
    acknowledged,
    unknown,
    recovered,
    lost: verdict.lost.length,
    unexpected: verdict.unexpected.length,
    duplicated: verdict.duplicated.length,
    'in flight': inFlight,
    repeated,
    inversions: verdict.inversions.length,
  };
}

/** Thousands of findings have the same cause as the first. */
function shown(findings: readonly Finding[]): string[] {
  const first = findings.slice(0, 10).map(({ subject, what }) => `${subject}: ${what}`);
  return findings.length > 10 ? [...first, `... of ${findings.length}`] : first;
}
