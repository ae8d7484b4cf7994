import { describe, expect, it } from 'vitest';
import { SIZES, taskOf } from '../../bench/payload.ts';
import { validateRunBody } from '../../src/tasks/task-body.ts';

describe('the payload of the benchmark', () => {
  it.each(SIZES)('is a valid task of exactly %i bytes', (bytes) => {
    const text = taskOf(bytes);
    expect(Buffer.byteLength(text)).toBe(bytes);
    expect(validateRunBody(JSON.parse(text))).toEqual([]);
  });

  it('refuses a size that the ids alone exceed', () => {
    expect(() => taskOf(50)).toThrow(/at least/);
  });
});
