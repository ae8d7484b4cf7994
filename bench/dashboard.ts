// What an open dashboard costs: node bench/dashboard.ts
//
// One service, end to end and accepting only, asked in turns with nobody looking and with pages open that ask what the
// dashboard asks: the stream of events, a list every two seconds. They are played by this process: a browser's own work is
// not the service's. The throughput with pages is to stay within 5 % of that without.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Running } from './contenders/contender.ts';
import { serviceOnSqlite } from './contenders/sqlite.ts';
import { runPlain } from './load/plain.ts';
import { taskOf } from './payload.ts';
import { median } from './report/statistics.ts';
import { measureAccept } from './scenarios/accept.ts';
import { drained } from './scenarios/checks.ts';
import { measureDelivery } from './scenarios/delivery.ts';
import { startSink } from './sink/sink.ts';

const ROUNDS = 8;
const SECONDS = 3;
const PAGES = 2;
const LIST_EVERY_MS = 2_000;
const BYTES = 300;

const root = mkdtempSync(join(tmpdir(), 'agentkit-bench-'));
process.once('exit', () => rmSync(root, { recursive: true, force: true }));
const sink = await startSink(root, 1);
const context = { sink, load: runPlain, seconds: SECONDS, connections: 64, dir: root };

async function begin(agentsAre: 'there' | 'away'): Promise<Running> {
  const dir = join(root, agentsAre);
  mkdirSync(dir);
  return serviceOnSqlite.start({ dir, agents: sink.endpoints, agentsAre });
}

/** A page of the dashboard, as the service sees it. @returns what closes it, and tells how often it heard something. */
function openPage(url: string): () => number {
  const controller = new AbortController();
  const { signal } = controller;
  let heard = 0;
  const follow = async () => {
    const { body } = await fetch(`${url}/v1/events`, { signal });
    for await (const _chunk of body ?? []) heard += 1;
  };
  follow().catch(() => undefined);
  const list = () => {
    fetch(`${url}/v1/deliveries?kind=task&limit=50`, { signal })
      .then((answer) => answer.arrayBuffer())
      .catch(() => undefined);
  };
  const timer = setInterval(list, LIST_EVERY_MS);
  list();
  return () => {
    clearInterval(timer);
    controller.abort();
    return heard;
  };
}

const scenarios = [
  {
    title: 'accept',
    running: await begin('away'),
    measure: (running: Running) => measureAccept('sqlite', running, BYTES, context),
  },
  {
    title: 'end to end',
    running: await begin('there'),
    measure: (running: Running) => measureDelivery('sqlite', running, BYTES, context),
  },
];

for (const { title, running, measure } of scenarios) {
  const { url, runPaths: paths } = running;
  const before = await running.counts();
  await sink.reset();
  await runPlain({ ...context, url, paths, body: taskOf(BYTES), seconds: 1 });
  if (title === 'end to end') await drained('sqlite', running, sink, before);

  const rates = { closed: [] as number[], open: [] as number[] };
  let heard = 0;
  const looked = async () => {
    const pages = Array.from({ length: PAGES }, () => openPage(url));
    rates.open.push((await measure(running)).value);
    for (const close of pages) heard += close();
  };
  const unseen = async () => void rates.closed.push((await measure(running)).value);
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const one of round % 2 === 0 ? [unseen, looked] : [looked, unseen]) await one();
  }
  const ratios = rates.open.map((rate, round) => rate / (rates.closed[round] ?? Number.NaN));
  console.log(
    `${title}, ${String(PAGES)} dashboards open / none: ${(median(rates.open) / median(rates.closed)).toFixed(3)} ` +
      `(median of the rounds' ratios ${median(ratios).toFixed(3)}: ${ratios.map((ratio) => ratio.toFixed(2)).join(', ')}); ` +
      `${median(rates.open).toFixed(0)}/s and ${median(rates.closed).toFixed(0)}/s, ${String(heard)} summaries read`,
  );
  await running.stop();
}
await sink.end();
