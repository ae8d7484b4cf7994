import { connection, pauseLive, resumeLive, trouble } from '../live.ts';
import { useShared } from '../state.ts';

const WORDS = {
  connecting: 'Connecting',
  live: 'Live',
  waiting: 'No connection',
  paused: 'Paused',
} as const;

/** Whether what is shown keeps up, and the button that stops and starts it. */
export function LiveSwitch() {
  const state = useShared(connection);
  const why = useShared(trouble);
  const paused = state === 'paused';
  const troubled = state === 'waiting' || (state === 'live' && why !== null);
  return (
    <span class="live">
      <span class={`dot ${troubled ? 'bad' : state}`} aria-hidden="true" />
      <span role="status" {...(why === null ? {} : { title: why })}>
        {troubled && state === 'live' ? 'In trouble' : WORDS[state]}
      </span>
      <button
        type="button"
        class="plain"
        aria-label={paused ? 'Resume live updates' : 'Pause live updates'}
        onClick={paused ? resumeLive : pauseLive}
      >
        {paused ? 'Resume' : 'Pause'}
      </button>
    </span>
  );
}
