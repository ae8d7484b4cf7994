import { Gauge, type Registry } from 'prom-client';
import type { Clock } from '../clock.ts';
import type { DeliveryKind } from '../outbox/delivery.ts';
import { AGENT_STATUSES, DELIVERY_KINDS } from '../store/backlog.ts';
import type { Glance } from './backlog-watch.ts';

/** What is asked when somebody scrapes. */
export interface MetricSources {
  readonly clock: Clock;
  readonly latestGlance: () => Glance | undefined;
  readonly inFlight: () => Readonly<Record<DeliveryKind, number>>;
  readonly replicas: () => number;
  readonly isOpscoreFailing: () => boolean;
}

export interface BuildInfo {
  readonly version: string;
  readonly store: string;
}

/** Gauges are read when somebody scrapes; what is behind them was looked at in the background. */
export function addGauges(registry: Registry, sources: MetricSources, build: BuildInfo): void {
  const { clock, latestGlance, inFlight, replicas, isOpscoreFailing } = sources;
  const gauge = <Label extends string = never>(
    name: string,
    help: string,
    labelNames: readonly Label[],
    collect: (this: Gauge<Label>) => void,
  ) =>
    new Gauge<Label>({
      name: `agentkit_${name}`,
      help,
      labelNames: [...labelNames],
      registers: [registry],
      collect,
    });
  const byKind = (
    name: string,
    help: string,
    value: (kind: DeliveryKind, glance: Glance) => number,
  ) =>
    gauge(name, help, ['kind'], function () {
      const glance = latestGlance();
      if (glance === undefined) return;
      for (const kind of DELIVERY_KINDS) this.set({ kind }, value(kind, glance));
    });

  byKind(
    'deliveries_pending',
    'Deliveries that have not ended, counted up to a bound',
    (kind, { backlog }) => backlog.kinds[kind].pending.count,
  );
  byKind(
    'deliveries_dead',
    'Dead letters, counted up to a bound',
    (kind, { backlog }) => backlog.kinds[kind].dead.count,
  );
  byKind(
    'deliveries_oldest_pending_seconds',
    'Age of the delivery that has been pending the longest; 0 = nothing is pending',
    (kind, { backlog }) => {
      const since = backlog.kinds[kind].oldestPendingAt;
      return since === null ? 0 : Math.max(0, clock.now() - since) / 1000;
    },
  );
  gauge('deliveries_in_flight', 'Attempts under way in this process', ['kind'], function () {
    const counts = inFlight();
    for (const kind of DELIVERY_KINDS) this.set({ kind }, counts[kind]);
  });
  gauge('agents', 'Registered agents, counted up to a bound', ['status'], function () {
    const glance = latestGlance();
    if (glance === undefined) return;
    for (const status of AGENT_STATUSES) this.set({ status }, glance.backlog.agents[status].count);
  });
  gauge('agents_paused', 'Agents whose tasks an operator holds back', [], function () {
    const glance = latestGlance();
    if (glance !== undefined) this.set(glance.backlog.paused.count);
  });
  gauge(
    'backlog_age_seconds',
    'For how long the counts of agents and deliveries have been what they are',
    [],
    function () {
      const glance = latestGlance();
      if (glance !== undefined) this.set(Math.max(0, clock.now() - glance.at) / 1000);
    },
  );
  gauge('opscore_failing', '1 while Ops-Core takes nothing', [], function () {
    this.set(isOpscoreFailing() ? 1 : 0);
  });
  gauge('replicas', 'Services that share the database, this one included', [], function () {
    this.set(replicas());
  });
  gauge('build_info', 'What runs: always 1', ['version', 'node', 'store'], function () {
    this.set({ ...build, node: process.version }, 1);
  });
}
