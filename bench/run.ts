// Service and peers side by side: npm run bench. docs/benchmarks.md says what is measured, and how.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readOptions, usage } from './options.ts';
import { median } from './report/statistics.ts';
import { scenarios } from './scenarios/all.ts';
import type { Measurement, Scenario } from './scenarios/scenario.ts';
import { startSink, type Sink } from './sink/sink.ts';

const options = readOptions(process.argv.slice(2));
const chosen = scenarios.filter(
  ({ name }) => options.only.length === 0 || options.only.includes(name),
);
if (chosen.length === 0) {
  console.error(usage);
  process.exit(2);
}

/** scenario → series → contender → one value per round. */
type Values = Record<string, Record<string, Record<string, Measurement[]>>>;

const root = mkdtempSync(join(tmpdir(), 'agentkit-bench-'));
process.once('exit', () => rmSync(root, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

async function measure(
  scenario: Scenario,
  contender: Scenario['contenders'][number],
  series: string,
  sink: Sink,
): Promise<Measurement> {
  const dir = join(root, 'measurement');
  mkdirSync(dir);
  // What the measurement before has left to write is not this one's to pay for.
  spawnSync('sync');
  try {
    return await scenario.measure(contender, series, { ...options, sink, dir });
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

async function runScenario(scenario: Scenario, sink: Sink): Promise<Values[string]> {
  const values: Values[string] = {};
  const contenders = scenario.contenders.filter(
    ({ name }) => options.contenders.length === 0 || options.contenders.includes(name),
  );
  console.log(`\n${scenario.title} (${scenario.unit})`);
  for (let round = 0; round < options.rounds; round += 1) {
    // Another one begins each time, so that nobody always follows the same neighbour.
    const order = contenders.map(
      (_, index) => contenders[(index + round) % contenders.length] as (typeof contenders)[number],
    );
    for (const series of scenario.series) {
      for (const contender of order) {
        const measured = await measure(scenario, contender, series, sink);
        ((values[series] ??= {})[contender.name] ??= []).push(measured);
        console.log(
          `  round ${String(round + 1)}  ${series.padStart(6)}  ${contender.name.padEnd(20)} ${measured.value.toFixed(1).padStart(10)}  ${JSON.stringify(measured.details)}`,
        );
      }
    }
  }
  for (const [series, contendersOf] of Object.entries(values)) {
    for (const [name, measured] of Object.entries(contendersOf)) {
      const all = measured.map(({ value }) => value);
      console.log(
        `  median   ${series.padStart(6)}  ${name.padEnd(20)} ${median(all).toFixed(1).padStart(10)}  (${Math.min(...all).toFixed(1)} to ${Math.max(...all).toFixed(1)})`,
      );
    }
  }
  return values;
}

const sink = await startSink(root, 1);
const values: Values = {};
for (const scenario of chosen) values[scenario.name] = await runScenario(scenario, sink);
writeFileSync(options.json, JSON.stringify(values, null, 2));
await sink.end();
process.exit(0);
