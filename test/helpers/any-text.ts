import fc from 'fast-check';

/** What text is made of that breaks things; fast-check's own Unicode units take a second to set up. */
const PIECES = ['a', 'Z', '0', ' ', '"', '\\', '/', "'", '%', '<', '\n', '\t', '\u0000', '\u007f'];
const UNICODE = ['ü', 'ж', '値', '🚀', 'e\u0301', '\u200d', '\u2028', '\ufeff', '\uffff', '\u202e'];

/** Well-formed text of any kind. */
export const anyText = fc.string({ unit: fc.constantFrom(...PIECES, ...UNICODE), maxLength: 12 });

/** JSON objects with keys and values of any kind, as `metadata` may be; `__proto__`, which is refused, is none. */
export const anyObject = fc
  .dictionary(
    anyText,
    fc.oneof(fc.jsonValue({ maxDepth: 3 }), anyText, fc.array(anyText, { maxLength: 3 })),
    { maxKeys: 5 },
  )
  .filter((object) => !JSON.stringify(object).includes('__proto__'));
