import { useNow } from '../clock.ts';
import type { Counted, Overview } from '../overview.ts';
import { href } from '../place.ts';
import { lastMinute } from '../rates.ts';
import { atLeast, duration, percent, rate } from '../words.ts';

/** The four figures that say whether all is well. */
export function Tiles({ overview: { at, rates, kinds } }: { overview: Overview }) {
  const now = useNow();
  const { acceptedPerSecond, attempts, failedShare } = lastMinute(rates, at);
  const dead = kinds.reduce<Counted>(
    (sum, kind) => ({ count: sum.count + kind.dead.count, more: sum.more || kind.dead.more }),
    { count: 0, more: false },
  );
  const oldest = kinds
    .flatMap(({ oldestPendingAt }) => (oldestPendingAt === null ? [] : [oldestPendingAt]))
    .sort()[0];
  return (
    <dl class="tiles">
      <div>
        <dt>Accepted</dt>
        <dd>
          {rate(acceptedPerSecond)}
          <small>/s</small>
        </dd>
        <dd class="quiet">in the last minute</dd>
      </div>
      <div class={failedShare >= 0.05 ? 'bad' : ''}>
        <dt>Attempts failed</dt>
        <dd>{attempts === 0 ? '–' : percent(failedShare)}</dd>
        <dd class="quiet">
          {attempts === 0 ? 'no attempt in the last minute' : 'in the last minute'}
        </dd>
      </div>
      <div>
        <dt>Oldest waiting</dt>
        <dd>{oldest === undefined ? '–' : duration(now - Date.parse(oldest))}</dd>
        <dd class="quiet">{oldest === undefined ? 'nothing waits' : 'since it was accepted'}</dd>
      </div>
      <div class={dead.count > 0 ? 'bad' : ''}>
        <dt>Dead letters</dt>
        <dd>{atLeast(dead)}</dd>
        <dd class="quiet">
          {dead.count > 0 ? <a href={href('/dead-letters')}>look at them</a> : 'none'}
        </dd>
      </div>
    </dl>
  );
}
