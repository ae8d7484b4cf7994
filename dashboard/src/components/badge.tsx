import { stateWord } from '../words.ts';

const TONES: Readonly<Record<string, string>> = {
  delivered: 'good',
  online: 'good',
  done: 'good',
  dead: 'bad',
  failed: 'bad',
  unreachable: 'bad',
  offline: 'warn',
  retry: 'warn',
  paused: 'warn',
  scheduled: 'info',
  running: 'info',
};

/** A state, in a colour and always in words. */
export function Badge({ state }: { state: string }) {
  return <span class={`badge ${TONES[state] ?? 'quiet'}`}>{stateWord(state)}</span>;
}
