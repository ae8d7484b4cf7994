import type { Counted } from '../overview.ts';
import { href } from '../place.ts';
import { atLeast } from '../words.ts';
import { Badge } from './badge.tsx';

export function AgentStates({
  agents,
  paused,
}: {
  agents: Readonly<Record<string, Counted>>;
  paused: Counted;
}) {
  return (
    <ul class="rows">
      {Object.entries(agents).map(([status, counted]) => (
        <li key={status}>
          <Badge state={status} />
          <a href={href('/agents', { status })}>{atLeast(counted)}</a>
        </li>
      ))}
      <li>
        <Badge state="paused" />
        <span>{atLeast(paused)}</span>
      </li>
    </ul>
  );
}
