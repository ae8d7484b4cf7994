import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { ChurningMap, ChurningSet } from '../src/churning.ts';

const KEPT = 64;

describe('what comes and goes', () => {
  it('is in a ChurningMap as in a Map, however many went before', () => {
    const churning = new ChurningMap<number, string>();
    const plain = new Map<number, string>();
    for (let n = 0; n < 5_000; n += 1) {
      churning.set(n, String(n));
      plain.set(n, String(n));
      // Every 100th stays.
      const gone = n - KEPT;
      if (gone % 100 !== 0) expect(churning.delete(gone)).toBe(plain.delete(gone));
      expect(churning.size).toBe(plain.size);
    }
    expect([...churning.values()]).toEqual([...plain.values()]);
    expect(churning.get(4_900)).toBe('4900');
    expect(churning.get(4_901)).toBeUndefined();
    expect(churning.delete(4_901)).toBe(false);
  });

  it('is in a ChurningSet as in a Set, in its order', () => {
    const churning = new ChurningSet<number>();
    const plain = new Set<number>();
    for (let n = 0; n < 5_000; n += 1) {
      churning.add(n);
      plain.add(n);
      const gone = n - KEPT;
      if (gone % 100 !== 0) expect(churning.delete(gone)).toBe(plain.delete(gone));
      expect(churning.size).toBe(plain.size);
    }
    expect([...churning]).toEqual([...plain]);
    expect(churning.delete(4_901)).toBe(false);
  });

  it.each([
    ['ChurningMap', () => withMap(new ChurningMap<string, string[]>())],
    ['ChurningSet', () => withSet(new ChurningSet<string[]>())],
  ])('is not kept by a %s that has become old', (_name, start) => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const churn = start();
    churn(1_000);
    collect();
    const before = oldSpace();
    // 32 MB in all: many young collections, and no full one.
    churn(40_000);
    expect(oldSpace() - before).toBeLessThan(8_000_000);
  });
});

type Churn = (times: number) => void;

const something = (): string[] => Array.from({ length: 100 }, () => '');

function withMap(map: ChurningMap<string, string[]>): Churn {
  let next = 0;
  return (times) => {
    for (const end = next + times; next < end; next += 1) {
      map.set(String(next), something());
      map.delete(String(next - KEPT));
    }
  };
}

function withSet(set: ChurningSet<string[]>): Churn {
  const held: string[][] = [];
  return (times) => {
    for (let n = 0; n < times; n += 1) {
      const item = something();
      set.add(item);
      held.push(item);
      if (held.length > KEPT) set.delete(held.shift() as string[]);
    }
  };
}

/** Bytes in the old generation that are in use, or garbage that nobody has collected. */
function oldSpace(): number {
  const spaces = getHeapSpaceStatistics();
  return spaces.find(({ space_name }) => space_name === 'old_space')?.space_used_size ?? 0;
}
