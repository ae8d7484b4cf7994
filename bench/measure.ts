import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { live } from './children.ts';
import type { Contender } from './contenders/contender.ts';
import { runLoad } from './load/load.ts';
import type { Options } from './options.ts';
import type { ScenarioResult } from './report/results.ts';
import type { Scenario, Series } from './scenarios/scenario.ts';
import type { Sink } from './sink/sink.ts';

interface Run {
  readonly options: Options;
  readonly sink: Sink;
  /** For everything that a measurement leaves behind. */
  readonly root: string;
  readonly contenders: readonly Contender[];
  onMeasured(line: string): void;
  onError(line: string): void;
}

/** All rounds of a scenario: in each, everybody in turn, for every series. */
export async function measureScenario(scenario: Scenario, run: Run): Promise<ScenarioResult> {
  const { name, title, method, unit, better, digits, beside } = scenario;
  const result: ScenarioResult = {
    ...{ name, title, method, unit, better, digits },
    ...(beside === undefined ? {} : { beside }),
    series: scenario.series.map((series) => ({
      name: series.name,
      contenders: contendersOf(scenario, series, run).map((contender) => ({
        name: contender.name,
        title: contender.title,
        durability: contender.durability,
        rounds: [],
      })),
    })),
  };
  const rounds = Math.min(run.options.rounds, scenario.mostRounds ?? Number.POSITIVE_INFINITY);
  for (let round = 0; round < rounds; round += 1) {
    for (const [index, series] of scenario.series.entries()) {
      for (const contender of inTurn(contendersOf(scenario, series, run), round)) {
        const what = `${name}  round ${String(round + 1)}  ${series.name}  ${contender.name}`;
        try {
          const measured = await measureOnce(scenario, contender, series, run);
          result.series[index]?.contenders
            .find((one) => one.name === contender.name)
            ?.rounds.push(measured);
          const details = Object.entries(measured.details).map(
            ([key, value]) => `${key} ${value.toFixed(2)}`,
          );
          run.onMeasured(
            `${what}  ${measured.value.toFixed(digits)} ${unit}  ${details.join(', ')}`,
          );
        } catch (error) {
          run.onError(`${what}: ${(error as Error).message}`);
        }
      }
    }
  }
  return result;
}

function contendersOf(scenario: Scenario, series: Series, run: Run): readonly Contender[] {
  const all = series.only ?? scenario.contenders;
  return all.filter((contender) => run.contenders.includes(contender));
}

/** Another one begins each time: nobody always follows the same neighbour. */
function inTurn<T>(all: readonly T[], round: number): T[] {
  const first = all.length === 0 ? 0 : round % all.length;
  return [...all.slice(first), ...all.slice(0, first)];
}

async function measureOnce(scenario: Scenario, contender: Contender, series: Series, run: Run) {
  const dir = join(run.root, 'measurement');
  mkdirSync(dir);
  const before = new Set(live);
  // What the one before has left to write is not for this one to wait for.
  spawnSync('sync');
  try {
    return await scenario.measure(contender, series.value, {
      ...run.options,
      sink: run.sink,
      load: runLoad,
      dir,
    });
  } finally {
    // Of one that failed before it was up.
    await Promise.all([...live].filter((child) => !before.has(child)).map((child) => child.end()));
    rmSync(dir, { recursive: true, force: true });
  }
}
