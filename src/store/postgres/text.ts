/**
 * PostgreSQL's text holds every character but NUL, which callers and agents may send (an answer's excerpt, a name):
 * NUL is stored as U+0001 'a', U+0001 as U+0001 'b'. Character by character, so prefixes stay prefixes.
 */
export function toText(text: string): string {
  if (!text.includes('\0') && !text.includes('\u0001')) return text;
  return text.replaceAll('\u0001', '\u0001b').replaceAll('\0', '\u0001a');
}

export function fromText(stored: string): string {
  if (!stored.includes('\u0001')) return stored;
  return stored.replaceAll('\u0001a', '\0').replaceAll('\u0001b', '\u0001');
}
