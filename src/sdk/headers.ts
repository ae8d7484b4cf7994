/** Headers as fetch, node:http or a plain record have them. Names are compared without case. */
export type HeaderSource =
  | { get(name: string): string | null }
  | Readonly<Record<string, string | readonly string[] | undefined>>;

/**
 * The value of a header (`name` in lower case), or undefined when it is absent. A header that occurs more than once, or is
 * not text, gives an empty string, which is never valid for what we read: with two values, two readers may
 * disagree on which one counts.
 */
export function readHeader(headers: HeaderSource, name: string): string | undefined {
  if (typeof headers !== 'object' || (headers as unknown) === null) return undefined;
  if (isHeadersObject(headers)) return headers.get(name) ?? undefined;
  const found: unknown[] = [];
  for (const [key, value] of Object.entries(headers)) {
    if (key.toLowerCase() !== name || value === undefined) continue;
    if (Array.isArray(value)) found.push(...(value as unknown[]));
    else found.push(value);
  }
  if (found.length === 0) return undefined;
  const only = found.length === 1 ? found[0] : undefined;
  return typeof only === 'string' ? only : '';
}

function isHeadersObject(headers: HeaderSource): headers is { get(name: string): string | null } {
  return typeof (headers as { get?: unknown }).get === 'function';
}
