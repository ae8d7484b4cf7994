import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Search, SHORTEST } from './search.ts';

const bytes = (text: string) => Buffer.from(text);

describe('a search for many texts', () => {
  it('finds each of them, wherever it begins', () => {
    const patterns = Array.from({ length: 2_000 }, (_, what) => ({
      bytes: bytes(randomBytes(8 + (what % 30)).toString('hex')),
      what,
    }));
    const search = new Search(patterns);
    for (const { bytes: sought, what } of patterns) {
      const before = bytes('x'.repeat(what % 50));
      const text = Buffer.concat([before, sought, bytes('y'.repeat(what % 7))]);
      expect(search.find(text)).toEqual([{ at: before.length, length: sought.length, what }]);
    }
  });

  it('finds what a plain search finds, among texts that are much alike', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 60 });
    const sought = fc.string({
      unit: fc.constantFrom('a', 'b'),
      minLength: SHORTEST,
      maxLength: SHORTEST + 3,
    });
    fc.assert(
      fc.property(fc.uniqueArray(sought, { minLength: 1 }), fc.array(letters), (texts, parts) => {
        const text = parts.join(texts[0]);
        const expected = texts.flatMap((what) =>
          [...text].flatMap((_, at) => (text.startsWith(what, at) ? [`${at} ${what}`] : [])),
        );
        const search = new Search(texts.map((what) => ({ bytes: bytes(what), what })));
        const found = search.find(bytes(text)).map(({ at, what }) => `${at} ${what}`);
        expect(found.sort()).toEqual(expected.sort());
      }),
    );
  });

  it('finds nothing in what is too short, or cut off', () => {
    const sought = bytes('a text of some length');
    const search = new Search([{ bytes: sought, what: 1 }]);
    for (let length = 0; length < sought.length; length += 1) {
      expect(search.find(sought.subarray(0, length))).toEqual([]);
    }
  });

  it('finds nothing where nothing is sought', () => {
    expect(new Search([]).find(randomBytes(1_000))).toEqual([]);
  });
});
