import { go, href, usePlace } from '../place.ts';

/** To the next page, and back to the first; the browser's own way back leads to the one before. */
export function Pager({ next }: { next: string | null | undefined }) {
  const { path, query } = usePlace();
  const values = Object.fromEntries(query);
  const cursor = values['cursor'];
  const open = (to: string | undefined) => {
    go(href(path, { ...values, cursor: to }));
    window.scrollTo(0, 0);
  };
  if (cursor === undefined && !next) return null;
  return (
    <nav class="pager" aria-label="Pages">
      <button type="button" disabled={cursor === undefined} onClick={() => open(undefined)}>
        First page
      </button>
      <button type="button" disabled={!next} onClick={() => open(next ?? undefined)}>
        Next page
      </button>
    </nav>
  );
}
