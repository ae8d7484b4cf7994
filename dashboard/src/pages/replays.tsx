import type { ReplayRecord } from '../../../src/sdk/delivery-types.ts';
import { Badge } from '../components/badge.tsx';
import { Empty } from '../components/empty.tsx';
import { Heading } from '../components/heading.tsx';
import { Loaded } from '../components/loaded.tsx';
import { Meter } from '../components/meter.tsx';
import { Pager } from '../components/pager.tsx';
import { Time } from '../components/time.tsx';
import { href, usePlace } from '../place.ts';
import { filterWords, listReplays } from '../replays.ts';
import { useResource } from '../resource.ts';

export function ReplaysPage() {
  const cursor = usePlace().query.get('cursor') ?? undefined;
  const page = useResource(`replays ${cursor ?? ''}`, (signal) => listReplays(cursor, signal), {
    live: cursor === undefined,
  });
  return (
    <>
      <Heading title="Replays" />
      <Loaded of={page}>
        {({ items, next }) => (
          <>
            {items.length > 0 ? (
              <ReplayTable replays={items} />
            ) : (
              <Empty title="Nothing was replayed yet.">
                A replay sends many <a href={href('/dead-letters')}>dead letters</a> again by one
                order.
              </Empty>
            )}
            <Pager next={next} />
          </>
        )}
      </Loaded>
    </>
  );
}

function ReplayTable({ replays }: { replays: readonly ReplayRecord[] }) {
  return (
    <table class="list">
      <caption class="hidden">Replays</caption>
      <thead>
        <tr>
          <th scope="col">What</th>
          <th scope="col">State</th>
          <th scope="col">Had their turn</th>
          <th scope="col">Begun</th>
          <th scope="col">By</th>
        </tr>
      </thead>
      <tbody>
        {replays.map((replay) => (
          <tr key={replay.replayId}>
            <th scope="row" data-label="What">
              <a href={href(`/replays/${replay.replayId}`)}>{filterWords(replay.filter)}</a>
            </th>
            <td data-label="State">
              <Badge state={replay.state} />
            </td>
            <td data-label="Had their turn">
              <Meter label="Progress" done={replay.replayed + replay.skipped} of={replay.total} />
            </td>
            <td data-label="Begun">
              <Time at={replay.createdAt} />
            </td>
            <td data-label="By">{replay.createdBy ?? 'open mode'}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
