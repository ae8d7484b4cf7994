import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  attemptTrace,
  contextOf,
  newTrace,
  traceHeadersIn,
  traceHeadersOf,
} from '../../src/dispatcher/traceparent.ts';

const TASK_ID = '0197b7a0-1234-7000-8000-00000000abcd';
const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';
const GIVEN = `00-${TRACE_ID}-b7ad6b7169203331-01`;
const FORM = /^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;

describe("a caller's traceparent", () => {
  it('is taken when it is valid', () => {
    expect(traceHeadersOf(GIVEN, undefined)).toEqual({ traceparent: GIVEN, tracestate: null });
  });

  it.each([
    undefined,
    '',
    'junk',
    GIVEN.toUpperCase(),
    GIVEN.replace('00-', 'ff-'),
    `00-${'0'.repeat(32)}-b7ad6b7169203331-01`,
    `00-${TRACE_ID}-${'0'.repeat(16)}-01`,
    `${GIVEN}-more`,
    `${GIVEN}\r\nx-evil: 1`,
    `01-${TRACE_ID}-b7ad6b7169203331-01more`,
  ])('is none where it says %j', (header) => {
    expect(traceHeadersOf(header, 'a=1')).toBeUndefined();
  });

  it('of a version to come is read as far as this one goes', () => {
    const later = GIVEN.replace(/^00/, '01');
    for (const header of [later, `${later}-what.ever`]) {
      expect(traceHeadersOf(header, undefined)?.traceparent).toBe(GIVEN);
    }
  });

  it('is well-formed or none, whatever was sent', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary-ascii' }), (header) => {
        expect(traceHeadersOf(header, header)?.traceparent ?? GIVEN).toMatch(FORM);
      }),
    );
  });
});

describe('a tracestate', () => {
  it.each(['congo=t61rcWkgMzE', 'rojo=00f067aa0ba902b7, congo=t61 rcWkgMzE', 'fw529a3039@dt=FfFf'])(
    'goes with its traceparent: %j',
    (state) => {
      expect(traceHeadersOf(GIVEN, ` ${state} `)?.tracestate).toBe(state);
    },
  );

  it.each(['', 'novalue', 'Upper=1', 'a=1,,b=2', 'a=é', `a=${'1'.repeat(600)}`, 'a=1\r\nb: 2'])(
    'is dropped where it says %j, and the traceparent stays',
    (state) => {
      expect(traceHeadersOf(GIVEN, state)).toEqual({ traceparent: GIVEN, tracestate: null });
    },
  );
});

describe('what a delivery keeps', () => {
  it.each([null, 'rojo=00f067aa0ba902b7, congo=t61 rcWkgMzE'])(
    'is what it was, with the tracestate %j',
    (tracestate) => {
      const headers = { traceparent: GIVEN, tracestate };
      expect(traceHeadersIn(contextOf(headers))).toEqual(headers);
    },
  );

  it('is found by the id of the task where nobody sent anything', () => {
    expect(newTrace(TASK_ID).traceparent).toMatch(
      /^00-0197b7a012347000800000000000abcd-[0-9a-f]{16}-00$/,
    );
  });

  it('makes each attempt a span of its own within the trace, with the same flags and state', () => {
    const context = contextOf({ traceparent: GIVEN, tracestate: 'a=1' });
    const [first, second] = [attemptTrace(context), attemptTrace(context)];
    for (const attempt of [first, second]) {
      expect(attempt.traceparent).toMatch(new RegExp(`^00-${TRACE_ID}-[0-9a-f]{16}-01$`));
      expect(attempt.tracestate).toBe('a=1');
    }
    expect(new Set([GIVEN, first.traceparent, second.traceparent]).size).toBe(3);
    expect(attemptTrace(context, '00f067aa0ba902b7').traceparent).toBe(
      `00-${TRACE_ID}-00f067aa0ba902b7-01`,
    );
  });
});
