import { duplicates } from './duplicates.ts';
import type { History } from './history.ts';
import { indexOf } from './index-of.ts';
import { inversions } from './inversions.ts';
import { lost } from './lost.ts';
import { unexpected } from './unexpected.ts';

/** What a finding is about, and what is wrong with it. */
export interface Finding {
  readonly subject: string;
  readonly what: string;
}

/**
 * As Jepsen's total-queue checker has it (https://github.com/jepsen-io/jepsen, checker/total-queue), with the order of
 * ordered lanes besides.
 */
export interface Verdict {
  readonly acknowledged: number;
  /** Nobody knows whether they happened, */
  readonly unknown: number;
  /** ... and of these did. */
  readonly recovered: number;
  /** Acknowledged, or found in the database, and it did not happen. */
  readonly lost: readonly Finding[];
  /** It happened, and nobody asked for it so: forged, altered, a second task for one key, after its cancel. */
  readonly unexpected: readonly Finding[];
  /** Accepted again, though nothing had cut off the first time. */
  readonly duplicated: readonly Finding[];
  /** Accepted again after an interruption, */
  readonly repeated: number;
  /** ... and this much of it was in flight then: what had been sent and was not recorded. */
  readonly inFlight: number;
  /** First acceptances of an agent's webhooks that came after that of a later one. */
  readonly inversions: readonly Finding[];
}

/** Judges a history after draining: nothing is scheduled any more, nothing is under way. Pure. */
export function judge(history: History): Verdict {
  const index = indexOf(history);
  const { operations } = history;
  const withOutcome = (outcome: string) => operations.filter((one) => one.outcome === outcome);
  const unknown = withOutcome('unknown');
  const happened = unknown.filter(({ key }) =>
    index.rowsOf(key).some(({ id }) => index.acceptedOf(id).length > 0),
  );
  return {
    acknowledged: withOutcome('acknowledged').length,
    unknown: unknown.length,
    recovered: happened.length,
    lost: lost(history, index),
    unexpected: unexpected(history, index),
    ...duplicates(history, index),
    inversions: inversions(history, index),
  };
}

/** Whether nothing is wrong. */
export function isFaultless(verdict: Verdict): boolean {
  const { lost, unexpected, duplicated, inversions } = verdict;
  return [lost, unexpected, duplicated, inversions].every((findings) => findings.length === 0);
}
