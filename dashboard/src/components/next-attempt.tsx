import type { DeliverySummary } from '../../../src/sdk/delivery-types.ts';
import { useNow } from '../clock.ts';
import { Time } from './time.tsx';

/** When it is tried next. One that is due may still wait: for its agent, its order, a free slot. */
export function NextAttempt({ of: { state, nextAttemptAt } }: { of: DeliverySummary }) {
  const now = useNow();
  if (state !== 'scheduled') return <span class="quiet">–</span>;
  if (nextAttemptAt === null) return <span>under way</span>;
  if (Date.parse(nextAttemptAt) <= now) return <span>due</span>;
  return <Time at={nextAttemptAt} />;
}
