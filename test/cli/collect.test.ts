import { expect, it } from 'vitest';
import { collect } from '../../src/cli/delivery-filter.ts';

/** Pages by their cursors; the first has none. */
function listOf(pages: Readonly<Record<string, readonly [items: number[], next: string | null]>>) {
  const asked: (readonly [cursor: string | undefined, limit: number])[] = [];
  return {
    asked,
    page: async ({ limit, cursor }: { limit: number; cursor: string | undefined }) => {
      asked.push([cursor, limit]);
      const [items, nextCursor] = pages[cursor ?? ''] ?? [[], null];
      return { items: items.slice(0, limit), nextCursor };
    },
  };
}

it('a page that is short, or empty, is not the end', async () => {
  const list = listOf({ '': [[1], 'a'], a: [[], 'b'], b: [[2, 3], 'c'], c: [[4], null] });
  expect(await collect(10, undefined, list.page)).toEqual({
    items: [1, 2, 3, 4],
    nextCursor: null,
  });
  expect(list.asked).toEqual([
    [undefined, 10],
    ['a', 9],
    ['b', 9],
    ['c', 7],
  ]);
});

it('takes no more than was asked for, from where it was told, a thousand at a time', async () => {
  const list = listOf({ a: [[1, 2], 'b'], b: [[3, 4], 'c'] });
  expect(await collect(4, 'a', list.page)).toEqual({ items: [1, 2, 3, 4], nextCursor: 'c' });
  const large = listOf({ '': [Array<number>(1_000).fill(1), 'a'], a: [[2, 2], 'b'] });
  expect((await collect(1_001, undefined, large.page)).items).toHaveLength(1_001);
  expect(large.asked).toEqual([
    [undefined, 1_000],
    ['a', 1],
  ]);
});
