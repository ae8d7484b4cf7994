import { collectDefaultMetrics, Registry, type Metric } from 'prom-client';

/** Of prom-client's own: a label of each kind of handle, and names that end like a counter's. */
const NOT_WORTH_IT = ['resources', 'handles', 'requests'].flatMap((what) => [
  `nodejs_active_${what}`,
  `nodejs_active_${what}_total`,
]);

let shared: readonly Metric[] | undefined;

/** What is measured of a process it measures once, however many services run in it: a timer of 10 ms is part of it. */
export function addProcessMetrics(registry: Registry): void {
  shared ??= collectOnce();
  for (const metric of shared) registry.registerMetric(metric);
}

function collectOnce(): readonly Metric[] {
  const own = new Registry();
  collectDefaultMetrics({ register: own });
  for (const name of NOT_WORTH_IT) own.removeSingleMetric(name);
  return own.getMetricsAsArray() as unknown as readonly Metric[];
}
