import type { KindOverview } from '../overview.ts';
import { href } from '../place.ts';
import { atLeast, kindWord } from '../words.ts';
import { Time } from './time.tsx';

export function KindsTable({ kinds }: { kinds: readonly KindOverview[] }) {
  return (
    <table class="figures">
      <caption class="hidden">What waits, by kind</caption>
      <thead>
        <tr>
          <th scope="col">Kind</th>
          <th scope="col" class="number">
            Waiting
          </th>
          <th scope="col">Oldest</th>
          <th scope="col" class="number">
            Dead
          </th>
        </tr>
      </thead>
      <tbody>
        {kinds.map(({ kind, pending, dead, oldestPendingAt }) => (
          <tr key={kind}>
            <th scope="row">{kindWord(kind)}s</th>
            <td class="number">
              <a
                href={href(kind === 'task' ? '/tasks' : '/webhooks', { kind, state: 'scheduled' })}
              >
                {atLeast(pending)}
              </a>
            </td>
            <td>
              <Time at={oldestPendingAt} />
            </td>
            <td class="number">
              <a href={href('/dead-letters', { kind })}>{atLeast(dead)}</a>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
