import type { Metric, Registry } from 'prom-client';

// prom-client's own counters and histograms hash and check their labels at every call: 0.5 to 1 µs, and a task is counted
// a dozen times. Here whoever counts keeps the series, which is a number or some of them; prom-client writes them out.

/** One series of a counter. */
export class Tally {
  value = 0;

  inc(by = 1): void {
    this.value += by;
  }
}

/** One series of a histogram. */
export class Distribution {
  readonly bounds: readonly number[];
  /** Per bucket, and not summed up; the last one is beyond all bounds. */
  readonly counts: Float64Array;
  sum = 0;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = new Float64Array(bounds.length + 1);
  }

  observe(value: number): void {
    let bucket = 0;
    while (bucket < this.bounds.length && value > (this.bounds[bucket] as number)) bucket += 1;
    this.counts[bucket] = (this.counts[bucket] as number) + 1;
    this.sum += value;
  }
}

interface Definition<Label extends string> {
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly Label[];
}

interface Sample {
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
  readonly metricName?: string;
}

/** The series of one metric, by their labels. */
abstract class Family<Label extends string, Series> {
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly Label[];
  readonly aggregator = 'sum';
  abstract readonly type: string;
  readonly #series = new Map<string, readonly [Record<string, string>, Series]>();

  constructor({ name, help, labelNames }: Definition<Label>, registry: Registry) {
    this.name = name;
    this.help = help;
    this.labelNames = labelNames;
    registry.registerMetric(this as unknown as Metric);
  }

  /** The series with these values, in the order of `labelNames`: to be kept by who counts often. */
  of(...values: readonly string[]): Series {
    const key = values.join('\n');
    let entry = this.#series.get(key);
    if (entry === undefined) {
      const labels = this.labelNames.map((label, index) => [label, values[index] ?? '']);
      entry = [Object.fromEntries(labels) as Record<string, string>, this.create()];
      this.#series.set(key, entry);
    }
    return entry[1];
  }

  /** As prom-client asks for it. */
  get() {
    const { name, help, type, aggregator } = this;
    const values = [...this.#series.values()].flatMap(([labels, series]) =>
      this.samples(labels, series),
    );
    return Promise.resolve({ name, help, type, aggregator, values });
  }

  reset(): void {
    this.#series.clear();
  }

  protected abstract create(): Series;
  protected abstract samples(labels: Record<string, string>, series: Series): Sample[];
}

export class CounterFamily<Label extends string = never> extends Family<Label, Tally> {
  readonly type = 'counter';

  protected create(): Tally {
    return new Tally();
  }

  protected samples(labels: Record<string, string>, { value }: Tally): Sample[] {
    return [{ labels, value }];
  }
}

export class HistogramFamily<Label extends string = never> extends Family<Label, Distribution> {
  readonly type = 'histogram';
  readonly #bounds: readonly number[];

  constructor(
    definition: Definition<Label> & { readonly buckets: readonly number[] },
    registry: Registry,
  ) {
    super(definition, registry);
    this.#bounds = definition.buckets;
  }

  protected create(): Distribution {
    return new Distribution(this.#bounds);
  }

  protected samples(labels: Record<string, string>, { bounds, counts, sum }: Distribution) {
    let seen = 0;
    const buckets = [...bounds, '+Inf'].map((le, index): Sample => {
      seen += counts[index] as number;
      return { labels: { ...labels, le }, value: seen, metricName: `${this.name}_bucket` };
    });
    return [
      ...buckets,
      { labels, value: sum, metricName: `${this.name}_sum` },
      { labels, value: seen, metricName: `${this.name}_count` },
    ];
  }
}
