import { useNow } from '../clock.ts';
import { relative } from '../words.ts';

/** A moment as its distance from now; the whole of it as a title. */
export function Time({ at }: { at: string | null }) {
  const now = useNow();
  if (at === null) return <span class="quiet">–</span>;
  return (
    <time dateTime={at} title={absolute(at)}>
      {relative(Date.parse(at), now)}
    </time>
  );
}

/** In the zone of whoever looks, which it names, and in UTC as the log has it. */
function absolute(at: string): string {
  const local = new Date(at).toLocaleString(undefined, {
    dateStyle: 'medium',
    timeStyle: 'long',
  });
  return `${local} (${at})`;
}
