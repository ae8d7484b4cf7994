import { count } from '../words.ts';

/** How much of a whole is done. */
export function Meter({ label, done, of }: { label: string; done: number; of: number }) {
  return (
    <span class="meter">
      <progress
        aria-label={label}
        value={of === 0 ? 1 : Math.min(done, of)}
        max={Math.max(1, of)}
      />
      <span>
        {count(done)} of {count(of)}
      </span>
    </span>
  );
}
