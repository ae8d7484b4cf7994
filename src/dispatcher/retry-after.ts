/**
 * Reads a `Retry-After` header (RFC 9110 section 10.2.3): whole seconds or an HTTP date.
 * @returns milliseconds from `wallNow`, or undefined when it is neither.
 */
export function parseRetryAfter(value: string | undefined, wallNow: number): number | undefined {
  if (value === undefined) return undefined;
  if (/^\d{1,10}$/.test(value.trim())) return Number(value) * 1000;
  const date = /[A-Za-z]/.test(value) ? Date.parse(value) : Number.NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - wallNow);
}
