import { useEffect, useRef, useState } from 'preact/hooks';
import { say, useAction } from '../acting.ts';
import type { Filter } from '../deliveries.ts';
import { go, href } from '../place.ts';
import { useResource } from '../resource.ts';
import { countAgain, startReplay, tryNow, type Again } from '../send-again.ts';
import { count } from '../words.ts';
import { Dialog } from './dialog.tsx';
import { Loaded } from './loaded.tsx';
import { Meter } from './meter.tsx';

interface Props {
  readonly filter: Filter;
  /** The filter in words. */
  readonly of: string;
  /** Also what failed and waits for its next attempt. */
  readonly waiting: boolean;
  readonly onClose: () => void;
}

/** Counts, asks, and sends again: nothing happens before the count was seen. */
export function SendAgain({ filter, of, waiting, onClose }: Props) {
  const again = useResource(
    JSON.stringify([filter, waiting]),
    (signal) => countAgain(filter, waiting, signal),
    {
      live: false,
    },
  );
  const [done, setDone] = useState<number | null>(null);
  const { busy, run } = useAction();
  const controller = useRef(new AbortController());
  useEffect(() => () => controller.current.abort(), []);

  async function send({ dead, waiting: ids }: Again): Promise<undefined> {
    const replay = dead > 0 ? await startReplay(filter) : undefined;
    if (ids.length > 0) {
      setDone(0);
      const tried = await tryNow(ids, setDone, controller.current.signal);
      say('good', `${count(tried)} that waited are being tried now.`);
    }
    onClose();
    if (replay !== undefined) go(href(`/replays/${replay.replayId}`));
  }

  const total = again.data === undefined ? 0 : again.data.dead + again.data.waiting.length;
  return (
    <Dialog
      title="Send again"
      onClose={onClose}
      actions={
        <button
          type="button"
          class="primary"
          disabled={busy || total === 0}
          onClick={() => {
            const { data } = again;
            if (data !== undefined) void run(() => send(data));
          }}
        >
          {total === 0 ? 'Send again' : `Send ${count(total)} again`}
        </button>
      }
    >
      <p>{of}</p>
      <Loaded of={again}>{(counted) => <Counts again={counted} />}</Loaded>
      {done !== null && again.data !== undefined && (
        <Meter label="Tried" done={done} of={again.data.waiting.length} />
      )}
    </Dialog>
  );
}

function Counts({ again: { dead, waiting, more } }: { again: Again }) {
  if (dead + waiting.length === 0)
    return <p>Nothing of that is there any more: nothing has to be sent again.</p>;
  return (
    <ul>
      {dead > 0 && (
        <li>
          <b>{count(dead)}</b> {dead === 1 ? 'dead letter is' : 'dead letters are'} scheduled again
          by a replay, which goes on by itself, also after a restart of the service.
        </li>
      )}
      {waiting.length > 0 && (
        <li>
          <b>{count(waiting.length)}</b> that{' '}
          {waiting.length === 1 ? 'waits for its' : 'wait for their'} next attempt{' '}
          {waiting.length === 1 ? 'is' : 'are'} tried now.
          {more && ' There are more; they go on by their own schedule, or by doing this again.'}
        </li>
      )}
    </ul>
  );
}
