import type { Contender, Running } from '../contenders/contender.ts';
import type { RunLoad } from '../load/load.ts';
import type { Sink } from '../sink/sink.ts';

/** One number of one round. */
export interface Measurement {
  readonly value: number;
  /** Whatever else was seen. */
  readonly details: Readonly<Record<string, number>>;
}

export interface RoundContext {
  readonly sink: Sink;
  readonly load: RunLoad;
  /** Of the load, for one measurement. */
  readonly seconds: number;
  readonly warmUpSeconds: number;
  readonly connections: number;
  /** A new, empty folder, removed after the measurement. */
  readonly dir: string;
}

/** What is measured of each contender in turn. */
export interface Series {
  readonly name: string;
  /** Handed to `measure`. */
  readonly value: number;
  /** Not for all. */
  readonly only?: readonly Contender[];
}

export interface Scenario {
  readonly name: string;
  readonly title: string;
  /** What the number means, how it is taken. */
  readonly method: string;
  readonly unit: string;
  readonly better: 'more' | 'less';
  /** Decimals worth showing. */
  readonly digits: number;
  /** A detail worth showing with the value. */
  readonly beside?: { readonly detail: string; readonly label: string };
  readonly contenders: readonly Contender[];
  readonly series: readonly Series[];
  /** Where more than these would take long and tell little. */
  readonly mostRounds?: number;
  /** The sink has to be so many; 1 unless it says otherwise. */
  readonly agents?: number;
  measure(contender: Contender, series: number, context: RoundContext): Promise<Measurement>;
}

/** Stops what was started, whatever becomes of the work. */
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
