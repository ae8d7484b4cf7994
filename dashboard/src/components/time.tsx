import { useNow } from '../clock.ts';
import { relative } from '../words.ts';

/** A moment as its distance from now; the whole of it as a title. */
export function Time({ at, none = '–' }: { at: string | null; none?: string }) {
  const now = useNow();
  if (at === null) return <span class="quiet">{none}</span>;
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
