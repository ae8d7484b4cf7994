/** RFC 9110 section 8.8.3. Weak for a list: what heartbeats change in it does not count. */
export function etagOf(revision: number, strength: 'weak' | 'strong' = 'strong'): string {
  return strength === 'weak' ? `W/"${revision}"` : `"${revision}"`;
}

/** Whether an If-None-Match header has the ETag: compared weakly, and it may be a list (RFC 9110 section 13.1.2). */
export function matches(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  const opaque = (tag: string): string => tag.trim().replace(/^W\//, '');
  return ifNoneMatch.split(',').some((tag) => opaque(tag) === '*' || opaque(tag) === opaque(etag));
}

/**
 * The revision of an If-Match header.
 * @returns undefined when any will do; a number that no revision has for an ETag that is not ours.
 */
export function revisionOf(ifMatch: string | undefined): number | undefined {
  if (ifMatch === undefined || ifMatch === '*') return undefined;
  const digits = /^"(\d{1,15})"$/.exec(ifMatch)?.[1];
  return digits === undefined ? -1 : Number(digits);
}
