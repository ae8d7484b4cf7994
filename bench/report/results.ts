import type { Measurement, Scenario } from '../scenarios/scenario.ts';
import type { Machine } from './machine.ts';

/** What a run leaves behind, as JSON. */
export interface Results {
  readonly machine: Machine;
  readonly settings: {
    readonly rounds: number;
    readonly seconds: number;
    readonly warmUpSeconds: number;
    readonly connections: number;
    readonly load: string;
  };
  readonly scenarios: ScenarioResult[];
  /** Measurements that failed, in words; a run without any is a good one. */
  readonly errors: string[];
}

export interface ScenarioResult extends Pick<
  Scenario,
  'name' | 'title' | 'method' | 'unit' | 'better' | 'digits' | 'beside'
> {
  readonly series: SeriesResult[];
  /** Kept from an earlier run: what the service was then. */
  readonly commit?: string;
}

export interface SeriesResult {
  readonly name: string;
  readonly contenders: ContenderResult[];
}

export interface ContenderResult {
  readonly name: string;
  readonly title: string;
  readonly durability: string;
  /** One per round. */
  readonly rounds: Measurement[];
}

/** The rounds of one contender; empty when it was not measured. */
export function roundsOf(
  { scenarios }: Results,
  scenario: string,
  series: string,
  contender: string,
): readonly Measurement[] {
  return (
    scenarios
      .find(({ name }) => name === scenario)
      ?.series.find(({ name }) => name === series)
      ?.contenders.find(({ name }) => name === contender)?.rounds ?? []
  );
}
