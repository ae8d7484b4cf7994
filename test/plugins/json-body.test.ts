import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ApiError } from '../../src/errors.ts';
import { parseJson } from '../../src/plugins/json-body.ts';

/** The sentence with which the text is refused. */
function refusal(text: string | Buffer): string {
  try {
    parseJson(Buffer.from(text));
  } catch (error) {
    expect(error).toBeInstanceOf(ApiError);
    expect((error as ApiError).code).toBe('malformed_json');
    return (error as ApiError).message;
  }
  throw new Error(`taken: ${text.toString('utf8')}`);
}

const nested = (levels: number) => '['.repeat(levels) + ']'.repeat(levels);

describe('parseJson', () => {
  it('reads any JSON value', () => {
    fc.assert(
      fc.property(fc.jsonValue({ depthSize: 'medium' }), (value) => {
        const text = JSON.stringify(value);
        fc.pre(!text.includes('__proto__'));
        expect(JSON.stringify(parseJson(Buffer.from(text)))).toBe(text);
      }),
    );
  });

  it('takes an empty body for none: whether one is wanted is the route’s business', () => {
    expect(parseJson(Buffer.alloc(0))).toBeUndefined();
  });

  it('throws nothing but its own error, whatever bytes come', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        try {
          parseJson(Buffer.from(bytes));
        } catch (error) {
          expect(error).toBeInstanceOf(ApiError);
        }
      }),
    );
  });
});

describe('what is not JSON', () => {
  it.each([
    ['{"a":1', 'at position 6'],
    ['{x', 'at position 1'],
    ['{"a":1}}', 'at position 7'],
    ['"a\u0001"', 'at position 2'],
  ])('%j is refused with the place', (text, place) => {
    expect(refusal(text)).toContain(place);
  });

  it.each(['[', '{"a":', 'nul', ' '])('%j ends too early', (text) => {
    expect(refusal(text)).toBe('The body is not valid JSON: it ends too early.');
  });

  it.each(['abc', '[1,]', "{'a':1}", '\uFEFF{}', 'undefined', 'NaN'])(
    '%j is refused, without saying that it ended',
    (text) => {
      expect(refusal(text)).toMatch(/^The body is not valid JSON(?:: error at .*)?\.$/);
    },
  );

  it('the refusal never quotes the body: it may hold what is secret', () => {
    for (const text of ['hunter2', '{"password":hunter2}', '["hunter2",]', '{"a":"hunter2']) {
      expect(refusal(text)).not.toMatch(/hunter|password/);
    }
  });

  it.each([
    ['a lone continuation byte', [0x22, 0x80, 0x22]],
    ['Latin-1', [0x22, 0xe9, 0x22]],
    ['an encoded surrogate', [0x22, 0xed, 0xa0, 0x80, 0x22]],
    ['a cut-off character', [0x22, 0xf0, 0x9f, 0x9a]],
    ['UTF-16', [0xff, 0xfe, 0x7b, 0x00, 0x7d, 0x00]],
  ])('%s is no UTF-8', (_what, bytes) => {
    expect(refusal(Buffer.from(bytes))).toBe('The body is not UTF-8.');
  });
});

describe('depth', () => {
  it('takes 100 levels and no more', () => {
    expect(parseJson(Buffer.from(nested(100)))).toBeDefined();
    expect(refusal(nested(101))).toBe('The body is nested deeper than 100 levels.');
    expect(refusal('{"a":'.repeat(101) + '1' + '}'.repeat(101))).toContain('deeper than 100');
  });

  it('refuses half a million levels, closed or not, as what they are', () => {
    expect(refusal(nested(500_000))).toContain('deeper than 100');
    expect(refusal('['.repeat(500_000))).toContain('deeper than 100');
  });

  it('takes 100 levels and no more of a large body', () => {
    const large = (levels: number) => `["${'x'.repeat(70_000)}",${nested(levels - 1)}]`;
    expect(parseJson(Buffer.from(large(100)))).toBeDefined();
    expect(refusal(large(101))).toBe('The body is nested deeper than 100 levels.');
  });

  it.each([500, 70_000])('counts no brackets inside strings, escaped quotes included (%i)', (n) => {
    const text = JSON.stringify({ a: '['.repeat(n), b: `\\"${'{'.repeat(n)}`, c: '\\' });
    expect(parseJson(Buffer.from(text))).toEqual(JSON.parse(text));
  });

  it('counts the depth and not the number: siblings are no levels', () => {
    expect(parseJson(Buffer.from(`[${Array(1_000).fill('[]').join()}]`))).toHaveLength(1_000);
  });
});

describe('__proto__', () => {
  it.each([
    '{"__proto__":{"admin":true}}',
    '{"a":[{"__proto__":null}]}',
    '{"\\u005f_proto__":{"admin":true}}',
    '{"__pr\\u006Fto__":1}',
    '{"\\u005F\\u005F\\u0070\\u0072\\u006f\\u0074\\u006f\\u005F\\u005F":1}',
  ])('as a key is refused, in any spelling: %s', (text) => {
    expect(refusal(text)).toBe('The body has a key named __proto__, which is not taken.');
  });

  it('as a value, or as a part of a key, is text like any other', () => {
    const text = '{"a":"__proto__","b__proto__":1,"c":"\\u005f\\u00fc"}';
    expect(parseJson(Buffer.from(text))).toEqual({ a: '__proto__', b__proto__: 1, c: '_ü' });
  });
});
