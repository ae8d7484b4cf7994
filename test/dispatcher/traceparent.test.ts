import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { attemptTraceparent, traceparentOf } from '../../src/dispatcher/traceparent.ts';

const TASK_ID = '0197b7a0-1234-7000-8000-00000000abcd';
const GIVEN = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
const FORM = /^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;

describe('the trace of a task', () => {
  it('is the one of the caller, when it sent a valid one', () => {
    expect(traceparentOf(GIVEN, TASK_ID)).toBe(GIVEN);
  });

  it.each([
    undefined,
    '',
    'junk',
    GIVEN.toUpperCase(),
    GIVEN.replace('00-', 'ff-'),
    `00-${'0'.repeat(32)}-b7ad6b7169203331-01`,
    `00-0af7651916cd43dd8448eb211c80319c-${'0'.repeat(16)}-01`,
    `${GIVEN}-more`,
    `${GIVEN}\r\nx-evil: 1`,
  ])('is a new one, found by the id of the task, where the caller sent %j', (header) => {
    const trace = traceparentOf(header, TASK_ID);
    expect(trace).toMatch(FORM);
    expect(trace.split('-')[1]).toBe('0197b7a0123470008000' + '00000000abcd');
  });

  it('is always well-formed, whatever was sent', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary-ascii' }), (header) => {
        expect(traceparentOf(header, TASK_ID)).toMatch(FORM);
      }),
    );
  });
});

it('each attempt is a span of its own within the trace, with the same flags', () => {
  const [first, second] = [attemptTraceparent(GIVEN), attemptTraceparent(GIVEN)];
  expect(first).toMatch(/^00-0af7651916cd43dd8448eb211c80319c-[0-9a-f]{16}-01$/);
  expect(second).toMatch(/^00-0af7651916cd43dd8448eb211c80319c-[0-9a-f]{16}-01$/);
  expect(new Set([GIVEN, first, second]).size).toBe(3);
});
