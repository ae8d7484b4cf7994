// Service and peers side by side: npm run bench. docs/benchmarks.md says what is measured, and how.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Contender } from './contenders/contender.ts';
import { loadGenerator } from './load/load.ts';
import { measureScenario } from './measure.ts';
import { readOptions, usage, type Options } from './options.ts';
import { writeDocument } from './report/document.ts';
import { thisMachine } from './report/machine.ts';
import type { Results } from './report/results.ts';
import { scenarioTable, targetTable } from './report/table.ts';
import { scenarios } from './scenarios/all.ts';
import { startSink } from './sink/sink.ts';
import { postgresVersion, stopPostgres } from './stores/postgres.ts';

const options = readArguments();
if (options.render !== undefined) {
  await writeDocument(JSON.parse(readFileSync(options.render, 'utf8')) as Results);
  process.exit(0);
}

const chosen = scenarios.filter(
  ({ name }) => options.only.length === 0 || options.only.includes(name),
);
if (chosen.length === 0) stop(`no scenario among ${scenarios.map(({ name }) => name).join(', ')}`);
installPeers();
const contenders = whoIsThere();

const root = mkdtempSync(join(tmpdir(), 'agentkit-bench-'));
process.once('exit', () => rmSync(root, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void stopPostgres().finally(() => process.exit(1)));
}

const onPostgres = contenders.some(({ title }) => title.includes('PostgreSQL'));
const { rounds, seconds, warmUpSeconds, connections } = options;
const results: Results = {
  machine: thisMachine(onPostgres ? await postgresVersion() : undefined),
  settings: { rounds, seconds, warmUpSeconds, connections, load: loadGenerator },
  scenarios: [],
  errors: [],
};
const kept = options.keep ? readKept() : undefined;
const sink = await startSink(root, Math.max(...chosen.map(({ agents }) => agents ?? 1)));
for (const scenario of chosen) {
  console.log(`\n${scenario.title}. ${scenario.method}`);
  const result = await measureScenario(scenario, {
    options,
    sink,
    root,
    contenders,
    onMeasured: (line) => console.log(line),
    onError: (line) => {
      console.error(line);
      results.errors.push(line);
    },
  });
  results.scenarios.push(result);
  // After each: a run takes long, and what is there is there.
  writeFileSync(options.json, JSON.stringify(withKept(), null, 2));
  console.log(`\n${scenarioTable(result)}`);
}
await sink.end();
await stopPostgres();

console.log(`\n${targetTable(results)}`);
if (options.write) await writeDocument(withKept());
for (const error of results.errors) console.error(`failed: ${error}`);
process.exit(results.errors.length === 0 ? 0 : 1);

function readArguments(): Options {
  try {
    return readOptions(process.argv.slice(2));
  } catch (error) {
    return stop((error as Error).message);
  }
}

function readKept(): Results | undefined {
  if (!existsSync(options.json)) return undefined;
  return JSON.parse(readFileSync(options.json, 'utf8')) as Results;
}

/** In the order of the scenarios, whichever part was measured first. */
function withKept(): Results {
  const measured = new Set(results.scenarios.map(({ name }) => name));
  const others = (kept?.scenarios ?? [])
    .filter(({ name }) => !measured.has(name))
    .map((scenario) => ({ commit: kept?.machine.commit ?? '', ...scenario }));
  const order = scenarios.map(({ name }) => name);
  const all = [...results.scenarios, ...others];
  return {
    ...results,
    machine: {
      ...results.machine,
      versions: { ...kept?.machine.versions, ...results.machine.versions },
    },
    errors: [
      ...(kept?.errors ?? []).filter((line) => !measured.has(line.split('  ')[0] ?? '')),
      ...results.errors,
    ],
    scenarios: all.sort((a, b) => order.indexOf(a.name) - order.indexOf(b.name)),
  };
}

function stop(reason: string): never {
  console.error(`${reason}\n\n${usage}`);
  process.exit(2);
}

/** The peers' packages are no dependencies of the service, and so not there after `npm ci`. */
function installPeers(): void {
  if (existsSync(join(import.meta.dirname, 'node_modules'))) return;
  const { status } = spawnSync('npm', ['ci', '--prefix', import.meta.dirname], {
    stdio: 'inherit',
  });
  if (status !== 0) stop('npm ci --prefix bench failed');
}

/** Those that were asked for and can run here. */
function whoIsThere(): readonly Contender[] {
  const all = [
    ...new Set(
      chosen.flatMap(({ contenders: of, series }) => [
        ...of,
        ...series.flatMap(({ only }) => only ?? []),
      ]),
    ),
  ];
  return all.filter((contender) => {
    if (options.contenders.length > 0 && !options.contenders.includes(contender.name)) return false;
    const missing = contender.missing?.();
    if (missing !== undefined) console.error(`without ${contender.title}: ${missing}`);
    return missing === undefined;
  });
}
