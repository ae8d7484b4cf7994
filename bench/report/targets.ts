import { roundsOf, type Results } from './results.ts';
import { median } from './statistics.ts';

/** One line of what is to be reached. */
export interface Target {
  readonly what: string;
  readonly measured: string;
  readonly wanted: string;
  /** undefined = it was not measured. */
  readonly reached: boolean | undefined;
}

type Place = readonly [scenario: string, series: string, contender: string];

/** The lines that a release has to reach, with what was measured. */
export function judge(results: Results): Target[] {
  const values = (place: Place): number[] => roundsOf(results, ...place).map(({ value }) => value);
  const middle = (place: Place): number => median(values(place));
  const detail = (place: Place, name: string): number =>
    median(roundsOf(results, ...place).map(({ details }) => details[name] ?? Number.NaN));

  function line(what: string, measured: number, shown: string, wanted: string, reached: boolean) {
    return Number.isNaN(measured)
      ? { what, measured: 'not measured', wanted, reached: undefined }
      : { what, measured: shown, wanted, reached };
  }

  /** Of the medians; beside it the ratio's range over the rounds, since both sides of a round were neighbours. */
  function ratio(what: string, of: Place, to: Place, least: number): Target {
    const measured = middle(of) / middle(to);
    const [ours, theirs] = [values(of), values(to)];
    const each = ours.slice(0, theirs.length).map((value, round) => value / (theirs[round] ?? 1));
    const range = `${Math.min(...each).toFixed(2)} to ${Math.max(...each).toFixed(2)}`;
    const shown = `${measured.toFixed(2)} (${range})`;
    return line(what, measured, shown, `≥ ${String(least)}`, measured >= least);
  }

  function atMost(what: string, measured: number, unit: string, most: number): Target {
    const shown = `${measured.toFixed(most < 100 ? 2 : 0)} ${unit}`;
    return line(what, measured, shown, `≤ ${String(most)} ${unit}`, measured <= most);
  }

  const ratios = ['300 B', '10 KB'].flatMap((size) => [
    ratio(
      `accept, SQLite / bare Fastify, ${size}`,
      ['accept', size, 'service-sqlite'],
      ['accept', size, 'fastify'],
      0.85,
    ),
    ratio(
      `end to end, SQLite / relay without storage, ${size}`,
      ['end-to-end', size, 'service-sqlite'],
      ['end-to-end', size, 'relay'],
      0.85,
    ),
    ratio(
      `end to end, SQLite / BullMQ \`appendfsync always\`, ${size}`,
      ['end-to-end', size, 'service-sqlite'],
      ['end-to-end', size, 'bullmq-always'],
      3.5,
    ),
    ratio(
      `end to end, PostgreSQL / pg-boss, ${size}`,
      ['end-to-end', size, 'service-postgres'],
      ['end-to-end', size, 'pg-boss'],
      12,
    ),
    ratio(
      `end to end, PostgreSQL / graphile-worker, ${size}`,
      ['end-to-end', size, 'service-postgres'],
      ['end-to-end', size, 'graphile-worker'],
      5,
    ),
    ratio(
      `accept, PostgreSQL / pg-boss, ${size}`,
      ['accept', size, 'service-postgres'],
      ['accept', size, 'pg-boss'],
      5,
    ),
  ]);

  const idle: Place = ['latency', '200/s', 'service-sqlite'];
  const bullmq = ['bullmq-always', 'bullmq-everysec'].map((name): Place => [
    'latency',
    '200/s',
    name,
  ]);
  const lowest = (read: (place: Place) => number): number => Math.min(...bullmq.map(read));
  const latencies = [
    atMost('accept to arrival at 200/s, p50', middle(idle), 'ms', 3),
    atMost('accept to arrival at 200/s, p99', detail(idle, 'p99'), 'ms', 15),
    below('accept to arrival at 200/s, p50, against BullMQ', middle(idle), lowest(middle)),
    below(
      'accept to arrival at 200/s, p99, against BullMQ',
      detail(idle, 'p99'),
      lowest((place) => detail(place, 'p99')),
    ),
  ];

  function below(what: string, ours: number, theirs: number): Target {
    const wanted = Number.isNaN(theirs) ? 'not above' : `≤ ${theirs.toFixed(2)} ms`;
    return line(what, ours - theirs, `${ours.toFixed(2)} ms`, wanted, ours <= theirs);
  }

  const perStore = [
    ['service-sqlite', 'SQLite'],
    ['service-postgres', 'PostgreSQL'],
  ].flatMap(([name = '', store = '']) => [
    ratio(
      `throughput at 1,000,000 stored / at 1,000, ${store}`,
      ['stored', '1,000,000 stored', name],
      ['stored', '1,000 stored', name],
      0.9,
    ),
    ratio(
      `throughput with 1,000 agents / with 1, ${store}`,
      ['agents', '1,000 agents', name],
      ['agents', '1 agent', name],
      0.8,
    ),
    atMost(
      `memory with 1,000,000 waiting, ${store}`,
      middle(['memory', '1,000,000 waiting', name]),
      'MiB',
      200,
    ),
    ...['1,000,000 delivered', '1,000,000 waiting'].map((rows) =>
      atMost(
        `start with ${rows}, more than on a new database, ${store}`,
        middle(['start', rows, name]) - middle(['start', 'new', name]),
        'ms',
        500,
      ),
    ),
  ]);
  return [...ratios, ...latencies, ...perStore];
}
