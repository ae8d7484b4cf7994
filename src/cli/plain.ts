/**
 * A text of others (a receiver's answer, a name) as it may go to a terminal: what would move its cursor, colour it or
 * turn its letters around is shown as its code instead.
 */
export function plain(text: string): string {
  return text.replace(
    /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu,
    (character) => `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`,
  );
}
