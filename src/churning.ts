// A Map and a Set for what comes and goes thousands of times a second in something that lives as long as the process.
//
// When a Map or Set of V8 grows or shrinks it gets a new table, and the old one, with the entries of that moment, is left
// with a link to it. A table that was moved to the old generation and left since is garbage until a full collection; for
// the young collections before that it is a root, and by its link and the next ones each later table survives, with the
// entries of its time. So nearly every request that was under way was moved to the old generation: 3 KB an attempt, and a
// third of all memory under load. A fresh Map now and then has no link from an old one.

/** Deletions before a fresh one is made: often enough, and rarely enough to cost nothing. */
const DELETIONS = 512;

export class ChurningMap<K, V> {
  #map = new Map<K, V>();
  #deletions = 0;

  get size(): number {
    return this.#map.size;
  }

  get(key: K): V | undefined {
    return this.#map.get(key);
  }

  set(key: K, value: V): void {
    this.#map.set(key, value);
  }

  /** @returns whether it was there. */
  delete(key: K): boolean {
    if (!this.#map.delete(key)) return false;
    this.#deletions += 1;
    // Whoever holds more waits for more deletions: copying costs no more than they did.
    if (this.#deletions >= Math.max(DELETIONS, this.#map.size)) {
      this.#map = new Map(this.#map);
      this.#deletions = 0;
    }
    return true;
  }

  /** In the order of insertion. What is deleted or added while one iterates may be seen or not. */
  values(): IterableIterator<V> {
    return this.#map.values();
  }
}

export class ChurningSet<T> {
  readonly #items = new ChurningMap<T, T>();

  get size(): number {
    return this.#items.size;
  }

  add(item: T): void {
    this.#items.set(item, item);
  }

  /** @returns whether it was there. */
  delete(item: T): boolean {
    return this.#items.delete(item);
  }

  /** In the order of insertion. What is deleted or added while one iterates may be seen or not. */
  [Symbol.iterator](): IterableIterator<T> {
    return this.#items.values();
  }
}
