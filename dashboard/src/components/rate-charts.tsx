import type { Rates } from '../overview.ts';
import { perSecond } from '../rates.ts';
import { AreaChart } from './area-chart.tsx';

export function RateCharts({ rates, replicas }: { rates: Rates; replicas: number }) {
  const { stepSeconds, accepted, delivered, failed } = rates;
  const minutes = Math.round((accepted.length * stepSeconds) / 60);
  const values = (counts: readonly number[]) => perSecond(counts, stepSeconds);
  return (
    <>
      <div class="columns">
        <AreaChart
          title="Arrival"
          minutes={minutes}
          series={[{ name: 'accepted', tone: 'info', values: values(accepted) }]}
        />
        <AreaChart
          title="Attempts"
          minutes={minutes}
          series={[
            { name: 'delivered', tone: 'good', values: values(delivered) },
            { name: 'failed', tone: 'bad', values: values(failed) },
          ]}
        />
      </div>
      {replicas > 1 && (
        <p class="quiet">
          These are the rates of one of {replicas} replicas, the one that this page talks to.
        </p>
      )}
    </>
  );
}
