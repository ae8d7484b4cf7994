import type { DeliverySummary } from '../../../src/sdk/delivery-types.ts';
import { useEffect } from 'preact/hooks';
import { learnNames } from '../agents.ts';
import { href } from '../place.ts';
import { count, kindWord, reason } from '../words.ts';
import { AgentName } from './agent-name.tsx';
import { Badge } from './badge.tsx';
import { CopyId } from './copy-id.tsx';
import { NextAttempt } from './next-attempt.tsx';
import { Time } from './time.tsx';

interface Props {
  readonly caption: string;
  readonly items: readonly DeliverySummary[];
  /** Not told where all are of one kind, of one agent. */
  readonly withKind?: boolean;
  readonly withAgent?: boolean;
}

export function DeliveryTable({ caption, items, withKind = true, withAgent = true }: Props) {
  useEffect(() => {
    if (withAgent) void learnNames(items.map(({ agentId }) => agentId));
  }, [items, withAgent]);
  return (
    <table class="list">
      <caption class="hidden">{caption}</caption>
      <thead>
        <tr>
          <th scope="col">Name</th>
          <th scope="col">State</th>
          {withAgent && <th scope="col">Agent</th>}
          <th scope="col">Last error</th>
          <th scope="col" class="number">
            Attempts
          </th>
          <th scope="col">Accepted</th>
          <th scope="col">Next attempt</th>
          <th scope="col">Id</th>
        </tr>
      </thead>
      <tbody>
        {items.map((one) => (
          <tr key={one.deliveryId}>
            <th scope="row" data-label="Name">
              <a class="name" href={href(`/deliveries/${encodeURIComponent(one.deliveryId)}`)}>
                {one.name}
              </a>
              {withKind && <span class="quiet"> {kindWord(one.kind)}</span>}
            </th>
            <td data-label="State">
              <Badge state={one.state} />
            </td>
            {withAgent && (
              <td data-label="Agent">
                <AgentName agentId={one.agentId} />
              </td>
            )}
            <td data-label="Last error">
              {reason(one.errorClass, one.lastError) || <span class="quiet">–</span>}
            </td>
            <td data-label="Attempts" class="number">
              {count(one.attemptCount)}
            </td>
            <td data-label="Accepted">
              <Time at={one.createdAt} />
            </td>
            <td data-label="Next attempt">
              <NextAttempt of={one} />
            </td>
            <td data-label="Id">
              <CopyId id={one.deliveryId} short />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
