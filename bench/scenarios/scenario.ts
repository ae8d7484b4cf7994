import type { Contender, Running } from '../contenders/contender.ts';
import type { Sink } from '../sink/sink.ts';

/** One number of one round. */
export interface Measurement {
  /** What was measured, such as `300 B`. */
  readonly series: string;
  readonly value: number;
  /** Whatever else was seen. */
  readonly details: Readonly<Record<string, number>>;
}

export interface RoundContext {
  readonly sink: Sink;
  /** Of the load, for one measurement. */
  readonly seconds: number;
  readonly warmUpSeconds: number;
  readonly connections: number;
  /** A new, empty folder, removed after the measurement. */
  readonly dir: string;
}

export interface Scenario {
  readonly name: string;
  readonly title: string;
  /** What the number means, how it is taken. */
  readonly method: string;
  readonly unit: string;
  readonly better: 'more' | 'less';
  readonly contenders: readonly Contender[];
  /** What is measured of each contender in turn. */
  readonly series: readonly string[];
  measure(contender: Contender, series: string, context: RoundContext): Promise<Measurement>;
}

export async function using<T>(
  running: Promise<Running>,
  work: (running: Running) => Promise<T>,
): Promise<T> {
  const started = await running;
  try {
    return await work(started);
  } finally {
    await started.stop();
  }
}
