import { createState, useShared } from './state.ts';

/** Where the page is: its path below /dashboard, and its query, in which all filters are. */
export interface Place {
  readonly path: string;
  readonly query: URLSearchParams;
}

const BASE = '/dashboard';

function read(): Place {
  const { pathname, search } = window.location;
  const path = pathname.slice(BASE.length).replace(/\/+$/, '');
  return { path: path === '' ? '/' : path, query: new URLSearchParams(search) };
}

const place = createState(read());
window.addEventListener('popstate', () => place.set(read()));

export const usePlace = (): Place => useShared(place);

/** The address of a path of this page; what is undefined or empty is left out of the query. */
export function href(
  path: string,
  query: Readonly<Record<string, string | null | undefined>> = {},
): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value) search.set(name, value);
  const text = search.toString();
  return `${BASE}${path === '/' ? '' : path}${text === '' ? '' : `?${text}`}`;
}

export function go(to: string, { replace = false } = {}): void {
  if (replace) window.history.replaceState(null, '', to);
  else window.history.pushState(null, '', to);
  place.set(read());
}

/** Links of this page change the place without loading it again; those of a new tab or window are the browser's. */
export function followLinks(): void {
  document.addEventListener('click', (event) => {
    const modified = event.ctrlKey || event.metaKey || event.shiftKey || event.altKey;
    if (event.defaultPrevented || event.button !== 0 || modified) return;
    const link = event.target instanceof Element ? event.target.closest('a') : null;
    if (link === null || link.origin !== window.location.origin) return;
    if (link.pathname !== BASE && !link.pathname.startsWith(`${BASE}/`)) return;
    event.preventDefault();
    go(`${link.pathname}${link.search}`);
    window.scrollTo(0, 0);
  });
}
