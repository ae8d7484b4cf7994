import { expect, onTestFinished } from 'vitest';
import type { Behaviour } from '../helpers/agent-server.ts';
import { startPostgres } from '../helpers/postgres-server.ts';
import { experiment } from './harness/experiment.ts';
import { quantile, round as rounded } from './harness/figures.ts';
import { startLoad } from './harness/load.ts';
import { postgresOnlooker } from './harness/postgres-onlooker.ts';
import { setStage } from './harness/stage.ts';
import {
  observeTransactions,
  type Observation,
  type SeenTransaction,
} from './harness/transactions.ts';
import { expectFaultless } from './scenarios/outcome.ts';

const LONGEST_MS = 100;

/** A transaction that is open during an attempt would be as old as that. */
const HTTP_MS = 300;

const takesItsTime: Behaviour = (response, dispatch) => {
  setTimeout(() => {
    dispatch.answeredAt = performance.now();
    dispatch.status = 202;
    response.writeHead(202).end();
  }, HTTP_MS);
};

experiment(
  'PostgreSQL: no transaction is open during HTTP, and none lasts long under load',
  { full: { seconds: 10 }, short: { seconds: 2 }, limit: 180 },
  async ({ size, random, report }) => {
    const server = await startPostgres(['fsync=on']);
    onTestFinished(() => server.remove());
    const url = server.url('postgres');
    const stage = await setStage({
      store: await postgresOnlooker(url),
      random,
      replicas: 2,
      agents: 8,
      env: { AGENT_CONCURRENCY: '64' },
      behave: takesItsTime,
    });
    const load = startLoad(stage, { taskClients: 24, agentClients: 2, pauseMs: 10 });
    const clients = Object.fromEntries(
      [0, 1].map((index) => [`replica-${index}`, stage.replicas.service(index)?.pid ?? 0]),
    );
    // What takes long by itself does so each time; what a busy machine makes long does not.
    const rounds: Observation[] = [];
    for (let tries = 0; tries < 3 && !rounds.some(isShort); tries += 1) {
      rounds.push(await observeTransactions(url, size.seconds, clients));
    }
    await load.stop();
    await stage.drained();
    const round = rounds.at(-1) as Observation;
    const idle = round.transactions.filter(({ state }) => state.startsWith('idle in transaction'));
    const figures = {
      rounds: rounds.length,
      looks: round.looks,
      seen: round.transactions.length,
      'p99 ms': rounded(quantile(round.transactions.map(ageOf), 0.99)),
      'longest ms': rounded(longest(round.transactions.map(ageOf))),
      'longest idle ms': rounded(longest(idle.map(ageOf))),
      'longest with all waits ms': rounded(longest(round.transactions.map(({ ageMs }) => ageMs))),
      'longest wait for the disk ms': rounded(
        longest(round.transactions.map(({ diskMs }) => diskMs)),
      ),
      tasks: load.tasks(),
    };
    expectFaultless(report, { verdict: await stage.judged(), figures });
    expect(round.transactions.filter((one) => ageOf(one) >= LONGEST_MS)).toEqual([]);
  },
);

function isShort({ transactions }: Observation): boolean {
  return transactions.every((one) => ageOf(one) < LONGEST_MS);
}

function longest(times: readonly number[]): number {
  return Math.max(0, ...times);
}

/** What the service itself is to answer for: not the disk, nor that others had the processor. */
function ageOf({ ageMs, diskMs, starvedMs, behindMs }: SeenTransaction): number {
  return ageMs - diskMs - starvedMs - behindMs;
}
