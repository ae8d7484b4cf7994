import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { createState } from './state.ts';

/** What was done last, or why it was not: shown, and read out. */
export interface Note {
  readonly tone: 'good' | 'bad';
  readonly text: string;
}

export const note = createState<Note | null>(null);

export function say(tone: Note['tone'], text: string): void {
  note.set({ tone, text });
}

/**
 * Runs what a button does, one at a time. What it throws is said; what it returns is said when it is a text.
 * @returns `busy`, and a `run` that resolves to whether it went well.
 */
export function useAction() {
  const [busy, setBusy] = useState(false);
  const mounted = useRef(true);
  const under = useRef(false);
  useEffect(() => () => void (mounted.current = false), []);

  const run = useCallback(async (action: () => Promise<string | undefined>): Promise<boolean> => {
    if (under.current) return false;
    under.current = true;
    setBusy(true);
    try {
      const said = await action();
      if (said !== undefined) say('good', said);
      return true;
    } catch (error) {
      say('bad', error instanceof Error ? error.message : String(error));
      return false;
    } finally {
      under.current = false;
      if (mounted.current) setBusy(false);
    }
  }, []);
  return { busy, run };
}
