import { describe, expect, it } from 'vitest';
import type { Arrival, History, Interruption, Operation, StoredDelivery } from './history.ts';
import { isFaultless, judge, type Verdict } from './oracle.ts';

const task = (key: string, more: Partial<Operation> = {}): Operation => ({
  key,
  body: `body of ${key}`,
  outcome: 'acknowledged',
  ids: new Set([`id-${key}`]),
  ...more,
});

/** The n-th thing that an agent does, from 1 on. */
const step = (agent: string, place: number, more: Partial<Operation> = {}): Operation => ({
  key: `${agent}@${place}`,
  order: { agent, place, removes: false },
  outcome: 'acknowledged',
  ids: new Set(),
  ...more,
});

const row = (key: string, more: Partial<StoredDelivery> = {}): StoredDelivery => ({
  id: `id-${key}`,
  key,
  seq: 1,
  state: 'delivered',
  startedAt: [],
  ...more,
});

const arrival = (key: string, at = 1, more: Partial<Arrival> = {}): Arrival => ({
  id: `id-${key}`,
  key,
  body: `body of ${key}`,
  at,
  verified: true,
  acceptedAt: at,
  ...more,
});

const verdictOf = (history: Partial<History>): Verdict =>
  judge({ operations: [], arrivals: [], interruptions: [], stored: [], ...history });

const online = (agent: string, key: string) => ({ agent, key, status: 'online' });

const told = (findings: Verdict['lost']) =>
  findings.map(({ subject, what }) => `${subject} ${what}`);

describe('of a history without faults', () => {
  it('the oracle finds none', () => {
    const verdict = verdictOf({
      operations: [task('a'), step('x', 1), step('x', 2)],
      arrivals: [arrival('a'), arrival('x@1', 1), arrival('x@2', 2)],
      stored: [row('a'), row('x@1', { seq: 2 }), row('x@2', { seq: 3 })],
      agents: [online('x', 'x@2')],
    });
    expect(isFaultless(verdict)).toBe(true);
    expect(verdict).toMatchObject({ acknowledged: 3, unknown: 0, recovered: 0, repeated: 0 });
  });

  it('what nobody heard an answer of may have happened or not', () => {
    const ids = new Set<string>();
    const verdict = verdictOf({
      operations: [task('a', { outcome: 'unknown', ids }), task('b', { outcome: 'unknown', ids })],
      arrivals: [arrival('a')],
      stored: [row('a')],
    });
    expect(isFaultless(verdict)).toBe(true);
    expect(verdict).toMatchObject({ acknowledged: 0, unknown: 2, recovered: 1 });
  });

  it('refused attempts before the accepted one are no duplicates', () => {
    const refused = { acceptedAt: undefined };
    const verdict = verdictOf({
      operations: [task('a')],
      arrivals: [arrival('a', 1, refused), arrival('a', 2, refused), arrival('a', 3)],
      stored: [row('a')],
    });
    expect(isFaultless(verdict)).toBe(true);
  });
});

describe('lost is', () => {
  it.each<[string, Partial<History>, string]>([
    [
      'what was acknowledged and is not stored',
      { operations: [task('a')] },
      'a was acknowledged, and is not in the database',
    ],
    [
      'what was acknowledged under an id that is not stored',
      {
        operations: [task('a', { ids: new Set(['id-other']) })],
        stored: [row('a')],
        arrivals: [arrival('a')],
      },
      'a was acknowledged as id-other, which is not in the database',
    ],
    [
      'what is recorded as delivered and never arrived',
      { operations: [task('a')], stored: [row('a')] },
      'a is recorded as delivered, and nobody accepted it',
    ],
    [
      'the same, when its client never heard of it',
      { operations: [task('a', { outcome: 'unknown' })], stored: [row('a')] },
      'a is recorded as delivered, and nobody accepted it',
    ],
    [
      'what is still scheduled',
      { operations: [task('a')], stored: [row('a', { state: 'scheduled' })] },
      'a is still scheduled after draining',
    ],
    [
      'a dead letter',
      { operations: [task('a')], stored: [row('a', { state: 'dead' })] },
      'a ended as a dead letter',
    ],
    [
      'what was cancelled by nobody',
      { operations: [task('a')], stored: [row('a', { state: 'cancelled' })] },
      'a was cancelled by nobody',
    ],
    [
      'an agent without its event',
      {
        operations: [step('x', 1, { outcome: 'unknown' })],
        agents: [online('x', 'x@1')],
      },
      'x is registered as x@1, and there is no event of it',
    ],
  ])('%s', (_, history, finding) => {
    expect(told(verdictOf(history).lost)).toEqual([finding]);
  });
});

describe('unexpected is', () => {
  const acknowledged = { operations: [task('a')], stored: [row('a')] };
  it.each<[string, Partial<History>, string]>([
    ['what nobody asked for', { stored: [row('a')] }, 'a is stored, and nobody asked for it'],
    [
      'what was refused and is stored',
      { operations: [task('a', { outcome: 'refused', ids: new Set() })], stored: [row('a')] },
      'a was refused, and is stored',
    ],
    [
      'what arrived and is not stored',
      { operations: [task('a', { outcome: 'unknown' })], arrivals: [arrival('a')] },
      'a arrived as id-a, which is not in the database',
    ],
    [
      'a wrong signature',
      { ...acknowledged, arrivals: [arrival('a'), arrival('a', 2, { verified: false })] },
      'a arrived with a wrong signature',
    ],
    [
      'other bytes than were asked for',
      { ...acknowledged, arrivals: [arrival('a', 1, { body: 'body of a ' })] },
      'a arrived with other bytes',
    ],
    [
      'bytes that speak of nothing',
      { ...acknowledged, arrivals: [arrival('a'), arrival('a', 2, { key: undefined })] },
      'id-a arrived, and nobody asked for it',
    ],
    [
      'a second delivery for one key',
      {
        operations: [task('a', { ids: new Set(['id-a', 'id-b']) })],
        arrivals: [arrival('a'), arrival('a', 2, { id: 'id-b' })],
        stored: [row('a'), row('a', { id: 'id-b' })],
      },
      'a is several deliveries: id-a, id-b',
    ],
    [
      'an attempt that started after an acknowledged cancel',
      {
        operations: [task('a', { cancel: { outcome: 'acknowledged', at: 5 } })],
        arrivals: [arrival('a', 1), arrival('a', 2)],
        stored: [row('a', { state: 'cancelled', startedAt: [5, 6] })],
      },
      'a was sent 1 times after its cancel was acknowledged',
    ],
    [
      'an attempt that nobody recorded of what was cancelled',
      {
        operations: [task('a', { cancel: { outcome: 'acknowledged', at: 5 } })],
        arrivals: [arrival('a')],
        stored: [row('a', { state: 'cancelled' })],
      },
      'a was cancelled, arrived 1 times, and was sent 0 times',
    ],
    [
      'what was cancelled and is delivered',
      {
        operations: [task('a', { cancel: { outcome: 'acknowledged', at: 5 } })],
        arrivals: [arrival('a')],
        stored: [row('a', { startedAt: [4] })],
      },
      'a was cancelled, and ended as delivered',
    ],
    [
      'an event without its state',
      {
        operations: [step('x', 1), step('x', 2)],
        arrivals: [arrival('x@1', 1), arrival('x@2', 2)],
        stored: [row('x@1', { seq: 1 }), row('x@2', { seq: 2 })],
        agents: [online('x', 'x@1')],
      },
      'x its last event is x@2, and it is registered as x@1',
    ],
    [
      'a deregistration of an agent that is still there',
      {
        operations: [
          step('x', 1),
          step('x', 2, { order: { agent: 'x', place: 2, removes: true } }),
        ],
        arrivals: [arrival('x@1', 1), arrival('x@2', 2)],
        stored: [row('x@1', { seq: 1 }), row('x@2', { seq: 2 })],
        agents: [online('x', 'x@1')],
      },
      'x its last event is x@2, and it is registered as x@1',
    ],
  ])('%s', (_, history, finding) => {
    expect(told(verdictOf(history).unexpected)).toEqual([finding]);
  });
});

describe('duplicated is', () => {
  const twice = {
    operations: [task('a')],
    arrivals: [arrival('a', 1), arrival('a', 9)],
    stored: [row('a')],
  };
  /** A process that held it was killed, when so many attempts of it were recorded. */
  const killed = (settledAt: number, recorded = 0): Interruption => ({
    settledAt,
    owner: 'r',
    leased: new Map([['id-a', recorded]]),
  });

  it('what was accepted twice without need', () => {
    const verdict = verdictOf(twice);
    expect(told(verdict.duplicated)).toEqual([
      'a was accepted 2 times, with 0 attempts recorded (arrived 1, 9; of these cut off: none)',
    ]);
    expect(isFaultless(verdict)).toBe(false);
  });

  it('not what a killed process had sent and not recorded', () => {
    const verdict = verdictOf({ ...twice, interruptions: [killed(5)] });
    expect(isFaultless(verdict)).toBe(true);
    expect(verdict).toMatchObject({ repeated: 1, inFlight: 1 });
  });

  it('what a killed process held, and had not sent when it was killed', () => {
    expect(verdictOf({ ...twice, interruptions: [killed(0)] }).duplicated).toHaveLength(1);
  });

  it('what a killed process held for another attempt: the first was recorded', () => {
    const verdict = verdictOf({ ...twice, interruptions: [killed(5, 1)] });
    expect(verdict).toMatchObject({ repeated: 0, inFlight: 0 });
    expect(verdict.duplicated).toHaveLength(1);
  });

  it('what was accepted twice after the attempt that was cut off had been refused', () => {
    const refused = arrival('a', 1, { acceptedAt: undefined });
    const arrivals = [refused, arrival('a', 7), arrival('a', 9)];
    const verdict = verdictOf({ ...twice, arrivals, interruptions: [killed(5)] });
    expect(verdict).toMatchObject({ repeated: 0, inFlight: 1 });
    expect(verdict.duplicated).toHaveLength(1);
  });

  it('what was accepted more often than it was cut off', () => {
    const arrivals = [...twice.arrivals, arrival('a', 12)];
    const verdict = verdictOf({ ...twice, arrivals, interruptions: [killed(5)] });
    expect(told(verdict.duplicated)).toEqual([
      'a was accepted 3 times, with 0 attempts recorded (arrived 1, 9, 12; of these cut off: 1)',
    ]);
  });

  it('not what was cut off twice; but one arrival is cut off once', () => {
    const arrivals = [arrival('a', 1), arrival('a', 4), arrival('a', 9)];
    const both = verdictOf({ ...twice, arrivals, interruptions: [killed(3), killed(5)] });
    expect(both).toMatchObject({ duplicated: [], repeated: 2, inFlight: 2 });
    const queued = verdictOf({ ...twice, arrivals, interruptions: [killed(2), killed(3)] });
    expect(queued).toMatchObject({ repeated: 1, inFlight: 1 });
    expect(queued.duplicated).toHaveLength(1);
  });
});

describe('an inversion is', () => {
  const operations = [step('x', 1), step('x', 2), step('x', 3), step('y', 1)];
  const stored = operations.map(({ key }, index) => row(key, { seq: index }));
  const inversions = (arrivals: readonly Arrival[]) =>
    told(verdictOf({ operations, stored, arrivals }).inversions);

  it('a first acceptance after that of a later event of the same agent', () => {
    expect(inversions([arrival('x@1', 1), arrival('x@3', 2), arrival('x@2', 3)])).toEqual([
      'x@2 was first accepted after x@3',
    ]);
  });

  it('not a repetition, nor an attempt that was refused, nor what other agents do', () => {
    const arrivals = [
      arrival('x@2', 1, { acceptedAt: undefined }),
      arrival('x@1', 2),
      arrival('x@2', 3),
      arrival('x@1', 4),
      arrival('x@3', 5),
      arrival('y@1', 6),
    ];
    expect(inversions(arrivals)).toEqual([]);
  });

  it('judged by when it was accepted, not by when it came', () => {
    expect(inversions([arrival('x@1', 1, { acceptedAt: 8 }), arrival('x@2', 2)])).toEqual([
      'x@1 was first accepted after x@2',
    ]);
  });
});
