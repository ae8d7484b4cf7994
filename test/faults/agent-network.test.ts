import { expect } from 'vitest';
import { badLink, type BadLink, type Crossing, type Fault } from './harness/bad-link.ts';
import { experiment } from './harness/experiment.ts';
import { runTask } from './harness/operations.ts';
import { inParallel } from '../helpers/in-parallel.ts';
import { setStage, type Stage } from './harness/stage.ts';
import { answersSlowly } from './scenarios/behaviours.ts';

/** One agent behind each, and one with a link that does nothing to anybody. */
const FAULTS = ['late', 'reset', 'swallow', 'trickle', 'cut'] as const satisfies Fault[];
const WELL = FAULTS.length;

const TIMEOUT_MS = 1_000;

/** Half of the attempts meet their link's fault: 30 in a row of one task do not occur. */
const RATE = 0.5;
const RETRIES = 30;

interface Attempt {
  readonly number: number;
  readonly statusCode: number | null;
  readonly errorClass: string | null;
  readonly durationMs: number;
}

experiment(
  'bad networks to agents',
  { full: { tasks: 60, wellTasks: 400 }, short: { tasks: 8, wellTasks: 60 }, limit: 90 },
  async ({ size, random, report }) => {
    const links: BadLink[] = [];
    const stage = await setStage({
      store: 'sqlite',
      random,
      agents: FAULTS.length + 1,
      env: {
        DISPATCH_TIMEOUT: `${TIMEOUT_MS}ms`,
        PROBE_INTERVAL: '100ms',
        TASK_RETRY_SCHEDULE: Array<string>(RETRIES).fill('20ms').join(','),
      },
      behave: answersSlowly(random, 10),
      reach: async ({ url }, index) => {
        const target = new URL(url);
        const fault = FAULTS[index] ?? 'none';
        const link = await badLink(Number(target.port), random, () =>
          random.chance(RATE) ? fault : 'none',
        );
        links.push(link);
        target.port = String(link.port);
        return target.href;
      },
    });
    const { client, agents } = stage;
    const suffering = inParallel(size.tasks * FAULTS.length, 32, (n) =>
      runTask(client, agents[n % FAULTS.length]?.agentId ?? '', n),
    );
    const started = { calm: [] as number[], disturbed: [] as number[] };
    await startAfter(stage, size.wellTasks, started.disturbed, 1_000_000);
    await suffering;
    await stage.drained();
    await startAfter(stage, size.wellTasks, started.calm, 2_000_000);
    await stage.drained();

    const { lost, unexpected } = await stage.judged();
    expect([...lost, ...unexpected]).toEqual([]);
    const met = new Map<string, number>();
    for (const link of links) {
      for (const [taskId, crossings] of Map.groupBy(link.crossings, ({ taskId }) => taskId)) {
        const attempts = await attemptsOf(stage, taskId);
        expect(attempts.map(({ number }) => number)).toEqual(
          crossings.map(({ attempt }) => attempt),
        );
        for (const [index, crossing] of crossings.entries()) {
          expectClassed(attempts[index] as Attempt, crossing);
          met.set(crossing.fault, (met.get(crossing.fault) ?? 0) + 1);
        }
      }
    }
    report(Object.fromEntries(met));
    report({ 'calm p99 ms': p99(started.calm), 'disturbed p99 ms': p99(started.disturbed) });
    report({ lost: lost.length, unexpected: unexpected.length });
    for (const fault of FAULTS) expect(met.get(fault), fault).toBeGreaterThan(0);
    const arrivals = agents[WELL]?.dispatches.length;
    expect(arrivals).toBe(2 * size.wellTasks);
    // Nobody has waited for the timeout of somebody else.
    expect(p99(started.disturbed)).toBeLessThan(TIMEOUT_MS / 2);
  },
);

/** Tasks for the agent that has nothing to suffer, one after the other: from the 202 to the arrival. */
async function startAfter(stage: Stage, count: number, times: number[], from: number) {
  const well = stage.agents[WELL] as Stage['agents'][number];
  await inParallel(count, 2, async (n) => {
    const askedAt = performance.now();
    const { ids } = await runTask(stage.client, well.agentId, from + n);
    const [id = ''] = ids;
    while (well.of(id).length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    times.push((well.of(id)[0]?.receivedAt ?? 0) - askedAt);
  });
}

async function attemptsOf({ replicas }: Stage, taskId: string): Promise<Attempt[]> {
  const answer = await fetch(`${String(replicas.urls()[0])}/v1/tasks/${taskId}`);
  const { data } = (await answer.json()) as { data: { attempts: Attempt[] } };
  return data.attempts;
}

/** What is recorded of an attempt is what the link did to it. */
function expectClassed(attempt: Attempt, crossing: Crossing): void {
  const { fault, statusAfterMs } = crossing;
  const { statusCode, errorClass, durationMs } = attempt;
  const told = `${fault}, ${String(statusAfterMs)} ms: ${JSON.stringify(attempt)}`;
  if (statusAfterMs !== undefined) {
    expect({ statusCode, errorClass }, told).toEqual({ statusCode: 200, errorClass: null });
    return;
  }
  expect(statusCode, told).toBeNull();
  expect(errorClass, told).toBe(
    fault === 'swallow' || fault === 'trickle' ? 'timeout' : 'connection_reset',
  );
  expect(durationMs, told).toBeLessThan(2 * TIMEOUT_MS);
}

function p99(times: readonly number[]): number {
  const sorted = times.toSorted((a, b) => a - b);
  return Math.round(sorted[Math.floor(sorted.length * 0.99)] ?? Number.NaN);
}
