import { join } from 'node:path';
import { expect } from 'vitest';
import { hang, type AgentServer } from '../helpers/agent-server.ts';
import { eventually } from '../helpers/eventually.ts';
import { tempDir } from '../helpers/service-process.ts';
import { experiment, short } from './harness/experiment.ts';
import { quantile, round } from './harness/figures.ts';
import { memoryOf } from './harness/memory.ts';
import { runTask } from './harness/operations.ts';
import type { Random } from './harness/random.ts';
import { setStage, type Stage } from './harness/stage.ts';
import { fillPostgres, fillSqlite } from './harness/waiting.ts';

type Kind = 'sqlite' | 'postgres';

/** Attempts of the agent that hangs end, its breaker opens and is tried, all while the others are measured. */
const ENV = { DISPATCH_TIMEOUT: '2s', PROBE_INTERVAL: '1s' };

const TURN_MS = 200;

/** Of the p99 of the others' tasks, with and without the agent that hangs. */
const MOST = 2;

/** What a longer backlog may take: SQLite's page cache, which is 32 MiB, and what is held for one agent. */
const MEMORY_MIB = 48;

async function service(store: Kind, random: Random, folder: string): Promise<Stage> {
  return setStage({ store, random, folder, agents: 2, env: ENV });
}

/** The second agent takes no task to its end, and so many wait for it. */
async function fill(stage: Stage, store: Kind, folder: string, total: number): Promise<void> {
  const { replicas, agents, onlooker } = stage;
  const hung = agents[1] as Stage['agents'][number];
  hung.behave = hang;
  const waiting = { agentIds: [hung.agentId], total };
  if (store === 'postgres') await fillPostgres(onlooker.urlFor('filler'), waiting);
  else {
    await replicas.end(0);
    fillSqlite(join(folder, 'agentkit.db'), waiting);
    await replicas.start(0);
  }
  await eventually(() => hung.dispatches.length > 0, 'the first are sent');
}

let asked = 0;

/** From asking for a task to its arrival, which may come before the 202. */
async function latency(
  { client }: Stage,
  agent: AgentServer & { agentId: string },
): Promise<number> {
  const before = agent.dispatches.length;
  const startedAt = performance.now();
  const done = runTask(client, agent.agentId, (asked += 1));
  while (agent.dispatches.length === before) await new Promise((resolve) => setImmediate(resolve));
  const arrivedAt = agent.dispatches.at(-1)?.receivedAt ?? 0;
  await done;
  return arrivedAt - startedAt;
}

function ratioOf([alone = [], beside = []]: readonly number[][]): number {
  return quantile(beside, 0.99) / quantile(alone, 0.99);
}

/** In turns, so that what else the machine is at meets all of them. @returns the latencies of each. */
async function inTurns(stages: readonly Stage[], forMs: number): Promise<number[][]> {
  const times: number[][] = stages.map(() => []);
  const end = performance.now() + forMs;
  while (performance.now() < end) {
    for (const [index, stage] of stages.entries()) {
      const turnEnd = performance.now() + TURN_MS;
      while (performance.now() < turnEnd) {
        times[index]?.push(await latency(stage, stage.agents[0] as Stage['agents'][number]));
      }
    }
  }
  return times;
}

for (const store of short ? (['sqlite'] as const) : (['sqlite', 'postgres'] as const)) {
  experiment(
    `${store}: an agent hangs, and many tasks wait for it`,
    {
      full: { waiting: 100_000, seconds: 10 },
      short: { waiting: 20_000, seconds: 2 },
      limit: 120,
    },
    async ({ size, random, report }) => {
      const [folder, fullFolder] = [tempDir(), tempDir()];
      const without = await service(store, random, folder);
      const with_ = await service(store, random, fullFolder);
      await fill(with_, store, fullFolder, size.waiting);
      const both = [without, with_];
      const memory = () => both.map(({ replicas }) => memoryOf(replicas.service(0)?.pid ?? 0));
      // The first turns warm up.
      await inTurns(both, 2 * TURN_MS);
      const times: number[][] = [[], []];
      // Few samples among other work tell little: there are more of them while it looks bad.
      for (let tries = 0; tries < 3 && !(ratioOf(times) <= MOST); tries += 1) {
        const more = await inTurns(both, size.seconds * 1_000);
        for (const [index, sample] of more.entries()) times[index]?.push(...sample);
      }
      const [memoryAlone = 0, memoryBeside = 0] = memory();
      const at = (share: number) => times.map((sample) => round(quantile(sample, share), 2));
      report({
        waiting: size.waiting,
        samples: times.map(({ length }) => length).join(' / '),
        'median ms': at(0.5).join(' / '),
        'p95 ms': at(0.95).join(' / '),
        'p99 ms': at(0.99).join(' / '),
        'memory MiB': [memoryAlone, memoryBeside].map(Math.round).join(' / '),
        'sent to it': with_.agents[1]?.dispatches.length ?? 0,
      });
      expect(ratioOf(times)).toBeLessThanOrEqual(MOST);
      expect(memoryBeside - memoryAlone).toBeLessThan(MEMORY_MIB);
    },
  );
}
