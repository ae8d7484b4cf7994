import type { AttemptPhases, DeliveryAttempt } from '../../../src/sdk/delivery-types.ts';
import { milliseconds, reason } from '../words.ts';
import { Badge } from './badge.tsx';
import { Empty } from './empty.tsx';
import { Time } from './time.tsx';

/** Every attempt, the last one first and open. */
export function Attempts({ attempts }: { attempts: readonly DeliveryAttempt[] }) {
  if (attempts.length === 0) return <Empty title="There was no attempt yet." />;
  return (
    <ol class="attempts" reversed>
      {attempts.toReversed().map((attempt, index) => (
        <li key={attempt.number}>
          <details open={index === 0}>
            <summary>
              <b>Attempt {attempt.number}</b> <Badge state={attempt.outcome} />{' '}
              <span>{result(attempt)}</span> <Time at={attempt.startedAt} />{' '}
              <span class="quiet">{milliseconds(attempt.durationMs)}</span>
            </summary>
            <Phases phases={attempt.phases} total={attempt.durationMs} />
            <h3>What came back</h3>
            {attempt.responseExcerpt === null || attempt.responseExcerpt === '' ? (
              <p class="quiet">
                {attempt.statusCode === null ? 'No answer.' : 'An answer without a body.'}
              </p>
            ) : (
              <pre tabIndex={0}>{attempt.responseExcerpt}</pre>
            )}
            <h3>Headers that were sent</h3>
            <dl class="headers">
              {Object.entries(attempt.requestHeaders).map(([name, value]) => (
                <div key={name}>
                  <dt>{name}</dt>
                  <dd>{value}</dd>
                </div>
              ))}
            </dl>
          </details>
        </li>
      ))}
    </ol>
  );
}

function result({ statusCode, errorClass }: DeliveryAttempt): string {
  if (statusCode !== null) return `status ${statusCode}`;
  return reason(errorClass, null);
}

const PHASES = [
  ['connectMs', 'connecting'],
  ['waitMs', 'waiting for the answer'],
  ['bodyMs', 'reading it'],
] as const;

/** Where the time went. What an attempt did not come to has no part in it. */
function Phases({ phases, total }: { phases: AttemptPhases; total: number }) {
  const known = PHASES.filter(([phase]) => phases[phase] !== null);
  if (known.length === 0) {
    return <p class="quiet">There was no connection.</p>;
  }
  return (
    <div class="phases">
      <div class="phase-bar" aria-hidden="true">
        {known.map(([phase]) => (
          <i
            key={phase}
            class={phase}
            style={{ flexGrow: Math.max(phases[phase] ?? 0, total / 200, 0.01) }}
          />
        ))}
      </div>
      <p class="quiet">
        {known.map(([phase, word]) => `${word} ${milliseconds(phases[phase] ?? 0)}`).join(' · ')}
        {phases.waitMs === null && ' · no answer after that'}
      </p>
    </div>
  );
}
