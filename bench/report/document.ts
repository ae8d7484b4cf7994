import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { chart } from './chart.ts';
import type { Results, ScenarioResult } from './results.ts';
import { contenderTable, scenarioTable, table, targetTable } from './table.ts';

const DOCS = join(import.meta.dirname, '../../docs');
const PAGE = join(DOCS, 'benchmarks.md');
const BEGIN = '<!-- results: written by npm run bench, not by hand -->';
const END = '<!-- end of the results -->';

/** The scenarios that get a chart, of their first series. */
const CHARTED = ['accept', 'end-to-end', 'latency'];

/** Puts the results into docs/benchmarks.md between its marks, and the charts beside it. */
export async function writeDocument(results: Results): Promise<void> {
  const page = readFileSync(PAGE, 'utf8');
  const [before = '', rest = ''] = page.split(BEGIN);
  const after = rest.split(END)[1];
  if (after === undefined) throw new Error(`${PAGE} has lost its marks`);
  const text = `${before}${BEGIN}\n\n${body(results)}\n\n${END}${after}`;
  const style = await resolveConfig(PAGE);
  writeFileSync(PAGE, await format(text, { ...style, parser: 'markdown' }));
}

function body(results: Results): string {
  const { settings } = results;
  return [
    '## What was to be reached',
    targetTable(results),
    ...results.scenarios.map((scenario) => section(scenario, results.machine.commit)),
    '## Who is compared',
    contenderTable(results),
    '## Machine and settings',
    machineTable(results),
    `Medians of ${String(settings.rounds)} interleaved rounds, the lowest and the highest of them in brackets; ${String(settings.seconds)} s of load for each measurement after ${String(settings.warmUpSeconds)} s of warming up, by ${settings.load} over ${String(settings.connections)} connections.`,
    ...(results.errors.length === 0
      ? []
      : ['Failed:', ...results.errors.map((line) => `- ${line}`)]),
  ].join('\n\n');
}

function section(scenario: ScenarioResult, ofTheRun: string): string {
  const [first] = scenario.series;
  const parts = [`## ${scenario.title}`, scenario.method];
  const { commit = ofTheRun } = scenario;
  if (commit !== ofTheRun) parts.push(`From an earlier run, at \`${commit}\`.`);
  if (first !== undefined && CHARTED.includes(scenario.name)) {
    const file = `benchmarks-${scenario.name}.svg`;
    writeFileSync(join(DOCS, file), chart(scenario, first));
    parts.push(`![${scenario.title}, ${first.name}](${file})`);
  }
  return [...parts, scenarioTable(scenario)].join('\n\n');
}

function machineTable({ machine }: Results): string {
  const versions = Object.entries(machine.versions).map(([name, version]) => `${name} ${version}`);
  const [head, , ...rows] = table([
    ['', ''],
    ['Machine', `${machine.cpu}, ${String(machine.cores)} cores, ${String(machine.memoryGiB)} GiB`],
    ['System', machine.system],
    ['Service', machine.commit],
    ['Versions', versions.join(', ')],
  ]).split('\n');
  return [head, '| --- | --- |', ...rows].join('\n');
}
