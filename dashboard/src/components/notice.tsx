import { useEffect } from 'preact/hooks';
import { note } from '../acting.ts';
import { useShared } from '../state.ts';

const SHOWN_MS = 8_000;

/** What was done last. Good news goes by itself; bad news stays until it is put away. */
export function Notice() {
  const current = useShared(note);
  useEffect(() => {
    if (current?.tone !== 'good') return undefined;
    const timer = setTimeout(() => note.set(null), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [current]);
  return (
    <div class="notices" role="status" aria-live="polite">
      {current !== null && (
        <p class={`notice ${current.tone}`}>
          <span>{current.text}</span>
          <button type="button" class="plain" onClick={() => note.set(null)}>
            Dismiss
          </button>
        </p>
      )}
    </div>
  );
}
