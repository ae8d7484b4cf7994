// The service beside bare Fastify and a relay without storage, in 20 s and with nothing installed for it: npm run bench:ci.
// Prints ratios and fails on none: how fast a machine is at the moment is no fault of a change. What it fails on is a
// task that was lost, sent twice or signed wrongly.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Contender, Running } from './contenders/contender.ts';
import { bareFastify, relay } from './contenders/memory.ts';
import { serviceOnSqlite } from './contenders/sqlite.ts';
import { runPlain } from './load/plain.ts';
import { taskOf } from './payload.ts';
import { median } from './report/statistics.ts';
import { measureAccept } from './scenarios/accept.ts';
import { drained } from './scenarios/checks.ts';
import { measureDelivery } from './scenarios/delivery.ts';
import type { Measurement } from './scenarios/scenario.ts';
import { startSink } from './sink/sink.ts';

const ROUNDS = 3;
const SECONDS = 1;
const WARM_UP_SECONDS = 0.5;
const CONNECTIONS = 64;
const BYTES = 300;

const root = mkdtempSync(join(tmpdir(), 'agentkit-bench-'));
process.once('exit', () => rmSync(root, { recursive: true, force: true }));
const sink = await startSink(root, 1);
const context = { sink, load: runPlain, seconds: SECONDS, connections: CONNECTIONS, dir: root };

interface Side {
  readonly contender: Contender;
  readonly running: Running;
  /** End to end, and not only accepting. */
  readonly sends: boolean;
  readonly rates: number[];
}

/** All are up all the time, and idle but for the one that is measured: starting costs more than measuring. */
async function begin(contender: Contender, agentsAre: 'there' | 'away'): Promise<Side> {
  const dir = join(root, `${contender.name}-${agentsAre}`);
  mkdirSync(dir);
  const running = await contender.start({ dir, agents: sink.endpoints, agentsAre });
  return { contender, running, sends: agentsAre === 'there', rates: [] };
}

async function warmUp({ contender, running, sends }: Side): Promise<void> {
  const { url, runPaths: paths } = running;
  const before = await running.counts();
  await sink.reset();
  await runPlain({ ...context, url, paths, body: taskOf(BYTES), seconds: WARM_UP_SECONDS });
  if (sends) await drained(contender.name, running, sink, before);
}

const [storing, answering, sending, relaying] = await Promise.all([
  begin(serviceOnSqlite, 'away'),
  begin(bareFastify, 'away'),
  begin(serviceOnSqlite, 'there'),
  begin(relay, 'there'),
]);
const sides = [storing, answering, sending, relaying];
for (const side of sides) await warmUp(side);

const comparisons = [
  { title: 'accept, SQLite / bare Fastify', ours: storing, theirs: answering },
  { title: 'end to end, SQLite / relay without storage', ours: sending, theirs: relaying },
];

function measure({ contender, running, sends }: Side): Promise<Measurement> {
  const { name } = contender;
  return sends
    ? measureDelivery(name, running, BYTES, context)
    : measureAccept(name, running, BYTES, context);
}

for (let round = 0; round < ROUNDS; round += 1) {
  for (const { ours, theirs } of comparisons) {
    const turn = round % 2 === 0 ? [ours, theirs] : [theirs, ours];
    for (const side of turn) side.rates.push((await measure(side)).value);
  }
}

for (const { title, ours, theirs } of comparisons) {
  const [own, other] = [median(ours.rates), median(theirs.rates)];
  const each = ours.rates.map((rate, round) => (rate / (theirs.rates[round] ?? 1)).toFixed(2));
  console.log(
    `${title}: ${(own / other).toFixed(2)} (${each.join(', ')}); ${own.toFixed(0)}/s and ${other.toFixed(0)}/s`,
  );
}
await Promise.all(sides.map(({ running }) => running.stop()));
await sink.end();
