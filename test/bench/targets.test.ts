import { describe, expect, it } from 'vitest';
import type { Results } from '../../bench/report/results.ts';
import { judge } from '../../bench/report/targets.ts';

type Rounds = readonly (number | readonly [value: number, p99: number])[];

/** Results of one scenario and one series: rounds by contender. */
function resultsOf(
  scenario: string,
  series: Readonly<Record<string, Readonly<Record<string, Rounds>>>>,
): Results {
  return {
    machine: { cpu: '', cores: 2, memoryGiB: 1, system: '', versions: {}, commit: '' },
    settings: { rounds: 1, seconds: 1, warmUpSeconds: 1, connections: 1, load: 'wrk' },
    errors: [],
    scenarios: [
      {
        ...{ name: scenario, title: '', method: '', unit: '', better: 'more' as const, digits: 0 },
        series: Object.entries(series).map(([name, contenders]) => ({
          name,
          contenders: Object.entries(contenders).map(([contender, rounds]) => ({
            name: contender,
            title: '',
            durability: '',
            rounds: rounds.map((round) => {
              const [value, p99] = typeof round === 'number' ? [round, 0] : round;
              return { value, details: { p99 } };
            }),
          })),
        })),
      },
    ],
  };
}

const lineOf = (results: Results, what: string) =>
  judge(results).find((target) => target.what === what);

describe('targets of the benchmark', () => {
  const accept = 'accept, SQLite / bare Fastify, 300 B';

  it('compares the medians, and shows the range of the rounds', () => {
    const results = resultsOf('accept', {
      '300 B': { 'service-sqlite': [90, 80, 10], fastify: [100, 90, 100] },
    });
    expect(lineOf(results, accept)).toEqual({
      what: accept,
      measured: '0.80 (0.10 to 0.90)',
      wanted: '≥ 0.85',
      reached: false,
    });
  });

  it('is reached from the target on', () => {
    const results = resultsOf('accept', { '300 B': { 'service-sqlite': [85], fastify: [100] } });
    expect(lineOf(results, accept)?.reached).toBe(true);
  });

  it('says nothing of what was not measured', () => {
    const results = resultsOf('accept', { '300 B': { 'service-sqlite': [85] } });
    expect(lineOf(results, accept)).toMatchObject({
      measured: 'not measured',
      reached: undefined,
    });
  });

  it('holds the latency against the faster of both BullMQs', () => {
    const results = resultsOf('latency', {
      '200/s': {
        'service-sqlite': [[2, 9]],
        'bullmq-always': [[3, 10]],
        'bullmq-everysec': [[1, 10]],
      },
    });
    const p50 = 'accept to arrival at 200/s, p50, against BullMQ';
    expect(lineOf(results, p50)).toMatchObject({ wanted: '≤ 1.00 ms', reached: false });
    const p99 = 'accept to arrival at 200/s, p99, against BullMQ';
    expect(lineOf(results, p99)).toMatchObject({ wanted: '≤ 10.00 ms', reached: true });
  });

  it('counts what a start takes more than on a new database', () => {
    const results = resultsOf('start', {
      new: { 'service-sqlite': [700] },
      '1,000,000 delivered': { 'service-sqlite': [1_201] },
      '1,000,000 waiting': { 'service-sqlite': [1_200] },
    });
    const line = (rows: string) =>
      lineOf(results, `start with ${rows}, more than on a new database, SQLite`);
    expect(line('1,000,000 delivered')).toMatchObject({ measured: '501 ms', reached: false });
    expect(line('1,000,000 waiting')).toMatchObject({ measured: '500 ms', reached: true });
  });
});
