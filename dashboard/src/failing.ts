import type { Counted, Failing } from './overview.ts';
import { reason } from './words.ts';

/** What fails of one kind for one class of reasons: one thing to mend. */
export interface Fault {
  readonly kind: string;
  readonly errorClass: string | null;
  readonly reasons: readonly string[];
  readonly waiting: Counted | null;
  readonly dead: Counted | null;
  readonly oldestAt: string;
}

/** Put together as the filters of the API tell them apart, the most first. */
export function faultsOf(failing: readonly Failing[]): readonly Fault[] {
  const faults = new Map<string, Fault>();
  for (const one of failing) {
    const key = `${one.kind} ${one.errorClass ?? ''}`;
    const before = faults.get(key);
    const why = reason(one.errorClass, one.lastError);
    const reasons = before?.reasons ?? [];
    const state = one.state === 'dead' ? 'dead' : 'waiting';
    faults.set(key, {
      kind: one.kind,
      errorClass: one.errorClass,
      waiting: before?.waiting ?? null,
      dead: before?.dead ?? null,
      [state]: add(before?.[state] ?? null, one),
      reasons: reasons.includes(why) ? reasons : [...reasons, why],
      oldestAt:
        before !== undefined && before.oldestAt < one.oldestAt ? before.oldestAt : one.oldestAt,
    });
  }
  const size = ({ waiting, dead }: Fault) => (waiting?.count ?? 0) + (dead?.count ?? 0);
  return [...faults.values()].sort((a, b) => size(b) - size(a));
}

function add(before: Counted | null, { count, more }: Counted): Counted {
  return { count: (before?.count ?? 0) + count, more: more || before?.more === true };
}
