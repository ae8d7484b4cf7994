// Where the time goes: npm run profile -- [accept|end-to-end] [--postgres] [--seconds 10]. The service under the
// benchmark's load, with Node's own sampler; prints the most expensive functions, writes the profile and a flame graph.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { serviceOnPostgres } from './contenders/postgres.ts';
import { serviceOnSqlite } from './contenders/sqlite.ts';
import { runPlain } from './load/plain.ts';
import { taskOf } from './payload.ts';
import { bySelfTime, callTree, type CpuProfile } from './profile/cpu-profile.ts';
import { flameGraph } from './profile/flame-graph.ts';
import { drained } from './scenarios/checks.ts';
import { startSink } from './sink/sink.ts';
import { stopPostgres } from './stores/postgres.ts';

const SHOWN = 25;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    postgres: { type: 'boolean', default: false },
    seconds: { type: 'string', default: '10' },
    bytes: { type: 'string', default: '300' },
  },
});
const [scenario = 'end-to-end'] = positionals;
const seconds = Number(values.seconds);
const contender = values.postgres ? serviceOnPostgres : serviceOnSqlite;

const root = mkdtempSync(join(tmpdir(), 'agentkit-profile-'));
process.once('exit', () => rmSync(root, { recursive: true, force: true }));
process.chdir(dirname(import.meta.dirname));
const name = `${scenario}-${contender.name}`;
mkdirSync('bench/profiles', { recursive: true });

const sink = await startSink(root, 1);
const running = await contender.start({
  dir: root,
  agents: sink.endpoints,
  agentsAre: scenario === 'accept' ? 'away' : 'there',
  nodeOptions: ['--cpu-prof', `--cpu-prof-dir=${join(root, 'profile')}`],
});
const before = await running.counts();
const result = await runPlain({
  url: running.url,
  paths: running.runPaths,
  body: taskOf(Number(values.bytes)),
  connections: 64,
  seconds,
  dir: root,
});
if (scenario !== 'accept') await drained(contender.name, running, sink, before);
await running.stop();
await sink.end();
await stopPostgres();

console.log(`${name}: ${(result.requests / result.seconds).toFixed(0)} tasks accepted a second`);
// Named by date, process and thread; 0 is the main thread.
for (const file of readdirSync(join(root, 'profile')).sort()) {
  const thread = file.split('.')[4] === '0' ? 'main' : 'writer';
  const text = readFileSync(join(root, 'profile', file), 'utf8');
  const top = callTree(JSON.parse(text) as CpuProfile, dirname(import.meta.dirname));
  const path = `bench/profiles/${name}-${thread}`;
  writeFileSync(`${path}.cpuprofile`, text);
  writeFileSync(`${path}.svg`, flameGraph(top));
  console.log(`\n${thread} thread: ${path}.svg, a flame graph for a browser`);
  console.log(`${path}.cpuprofile, for Chrome's DevTools (Performance), VS Code or speedscope\n`);
  for (const { name: what, self } of bySelfTime(top).slice(0, SHOWN)) {
    console.log(`${((self / top.total) * 100).toFixed(1).padStart(5)} %  ${what}`);
  }
}
