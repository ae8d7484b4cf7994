import { expect } from 'vitest';
import { startLoad } from '../harness/load.ts';
import { setStage, type Scene } from '../harness/stage.ts';
import { answersSlowly } from './behaviours.ts';
import type { Outcome } from './outcome.ts';

export interface Terms {
  readonly store: 'sqlite' | 'postgres';
  readonly rounds: number;
}

const GRACE_MS = 3_000;

/** One service after the other is told to end (SIGTERM) under load, and started again. */
export async function endUnderLoad(scene: Scene, { store, rounds }: Terms): Promise<Outcome> {
  const { random } = scene;
  const stage = await setStage({
    ...scene,
    store,
    replicas: store === 'sqlite' ? 1 : 3,
    agents: 4,
    env: { AGENT_CONCURRENCY: '8', SHUTDOWN_GRACE: `${GRACE_MS}ms` },
    behave: answersSlowly(random, 60),
  });
  const { replicas } = stage;
  const load = startLoad(stage, { taskClients: 16, agentClients: 2, pauseMs: 2 });
  let longestMs = 0;
  for (let round = 0; round < rounds; round += 1) {
    await new Promise((resolve) => setTimeout(resolve, random.between(100, 600)));
    const index = round % replicas.count;
    const start = performance.now();
    expect(await replicas.end(index)).toEqual({ code: 0, signal: null });
    longestMs = Math.max(longestMs, performance.now() - start);
    await replicas.start(index);
  }
  await load.stop();
  // Leases last for 20 s: nobody was interrupted, so nothing has to wait for the end of one.
  await stage.drained(10_000);
  expect(longestMs).toBeLessThan(GRACE_MS);
  const figures = { rounds, tasks: load.tasks(), 'slowest end ms': Math.round(longestMs) };
  return { verdict: await stage.judged(), figures };
}
