import type { ReplayRecord } from '../../../src/sdk/delivery-types.ts';
import { href } from '../place.ts';
import { filterWords } from '../replays.ts';
import { Meter } from './meter.tsx';

export function RunningReplays({ replays }: { replays: readonly ReplayRecord[] }) {
  return (
    <ul class="rows">
      {replays.map((replay) => (
        <li key={replay.replayId}>
          <a href={href(`/replays/${replay.replayId}`)}>{filterWords(replay.filter)}</a>
          <Meter label="Progress" done={replay.replayed + replay.skipped} of={replay.total} />
        </li>
      ))}
    </ul>
  );
}
