import { useState } from 'preact/hooks';
import type { Filter } from '../deliveries.ts';
import type { Fault } from '../failing.ts';
import type { Counted, Overview } from '../overview.ts';
import { href } from '../place.ts';
import { atLeast, kindWord } from '../words.ts';
import { Act } from './act.tsx';
import { Empty } from './empty.tsx';
import { SendAgain } from './send-again.tsx';
import { Time } from './time.tsx';

const filterOf = ({ kind, errorClass }: Fault): Filter => ({
  kind,
  ...(errorClass === null ? {} : { error_class: errorClass }),
});

const pageOf = (kind: string) => (kind === 'task' ? '/tasks' : '/webhooks');

/** One line for each thing to mend: what, why, how many, and what to do. */
export function Faults({
  faults,
  targets,
}: {
  faults: readonly Fault[];
  targets: Overview['targets'];
}) {
  const [asked, setAsked] = useState<Fault | null>(null);
  if (faults.length === 0) {
    return (
      <Empty title="Nothing fails.">
        {targets.webhooks ? 'What is accepted is delivered, or waits for its agent.' : null}
      </Empty>
    );
  }
  return (
    <>
      <ul class="faults">
        {faults.map((fault) => (
          <li key={`${fault.kind} ${fault.errorClass ?? ''}`}>
            <p class="fault">
              <b>{kindWord(fault.kind)}s:</b> <span>{fault.reasons.join(', ')}</span>
            </p>
            <p class="quiet">
              <Amount
                of={fault.waiting}
                word="waiting"
                to={href(pageOf(fault.kind), { ...filterOf(fault), state: 'scheduled' })}
              />
              {fault.waiting !== null && fault.dead !== null && ' · '}
              <Amount of={fault.dead} word="dead" to={href('/dead-letters', filterOf(fault))} />
              {' · the oldest '}
              <Time at={fault.oldestAt} />
            </p>
            <Act>
              <button type="button" onClick={() => setAsked(fault)}>
                Send again …
              </button>
            </Act>
          </li>
        ))}
      </ul>
      {asked !== null && (
        <SendAgain
          filter={filterOf(asked)}
          of={`${kindWord(asked.kind)}s: ${asked.reasons.join(', ')}.`}
          waiting
          onClose={() => setAsked(null)}
        />
      )}
    </>
  );
}

function Amount({ of, word, to }: { of: Counted | null; word: string; to: string }) {
  if (of === null) return null;
  return (
    <a href={to}>
      {atLeast(of)} {word}
    </a>
  );
}
