/** A text found: where it begins, and what was given for it. */
export interface Hit<T> {
  readonly at: number;
  readonly length: number;
  readonly what: T;
}

interface Pattern<T> {
  readonly bytes: Uint8Array;
  readonly what: T;
}

/** Patterns have at least as many bytes. */
export const SHORTEST = 16;

/** A window of the text is judged by its last bytes, of which a hash is enough: it only makes some windows look alike. */
const BLOCK = 4;
const HASH_BITS = 20;
/** Where the end of a window occurs in no pattern, the next window begins behind all of the block but its first byte. */
const LONGEST_SHIFT = SHORTEST - BLOCK + 1;

/**
 * Looks for thousands of texts in one pass that reads every tenth byte or so: S. Wu and U. Manber, "A fast algorithm
 * for multi-pattern searching" (1994). Windows are as long as the shortest pattern may be.
 */
export class Search<T> {
  /** By a window's last block: how far the next window may begin without missing any pattern. */
  readonly #shift = new Uint8Array(1 << HASH_BITS).fill(LONGEST_SHIFT);
  /** By the last block of their first window. */
  readonly #patterns = new Map<number, Pattern<T>[]>();

  constructor(patterns: readonly Pattern<T>[]) {
    for (const pattern of patterns) {
      const { bytes } = pattern;
      if (bytes.length < SHORTEST) throw new Error(`a pattern of ${bytes.length} bytes`);
      for (let end = BLOCK; end <= SHORTEST; end += 1) {
        const block = hashBefore(bytes, end);
        this.#shift[block] = Math.min(this.#shift[block] ?? 0, SHORTEST - end);
      }
      const last = hashBefore(bytes, SHORTEST);
      const alike = this.#patterns.get(last);
      if (alike === undefined) this.#patterns.set(last, [pattern]);
      else alike.push(pattern);
    }
  }

  /** In the order of their places; overlapping ones as well. */
  find(text: Uint8Array): Hit<T>[] {
    const hits: Hit<T>[] = [];
    let end = SHORTEST;
    while (end <= text.length) {
      const block = hashBefore(text, end);
      const shift = this.#shift[block] ?? 0;
      if (shift > 0) {
        end += shift;
        continue;
      }
      const at = end - SHORTEST;
      for (const { bytes, what } of this.#patterns.get(block) ?? []) {
        if (startsWith(text, at, bytes)) hits.push({ at, length: bytes.length, what });
      }
      end += 1;
    }
    return hits;
  }
}

function hashBefore(bytes: Uint8Array, end: number): number {
  const block =
    (bytes[end - 4] ?? 0) |
    ((bytes[end - 3] ?? 0) << 8) |
    ((bytes[end - 2] ?? 0) << 16) |
    ((bytes[end - 1] ?? 0) << 24);
  // Knuth's multiplicative hash: the upper bits depend on all of the block.
  return Math.imul(block, 0x9e3779b1) >>> (32 - HASH_BITS);
}

function startsWith(text: Uint8Array, at: number, bytes: Uint8Array): boolean {
  if (at + bytes.length > text.length) return false;
  for (let i = 0; i < bytes.length; i += 1) if (text[at + i] !== bytes[i]) return false;
  return true;
}
