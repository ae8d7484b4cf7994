import type { Random } from './random.ts';
import type { Replicas } from './replicas.ts';

/** Kills one of the running replicas every so often, and starts it again at once, until `end`. @returns how many kills. */
export async function killEvery(
  everyMs: number,
  { replicas, random, end }: { replicas: Replicas; random: Random; end: Promise<unknown> },
): Promise<number> {
  const restarts: Promise<void>[] = [];
  const state = { ended: false };
  void end.then(() => (state.ended = true));
  let kills = 0;
  for (;;) {
    await Promise.race([end, new Promise((resolve) => setTimeout(resolve, everyMs))]);
    if (state.ended) break;
    const running = Array.from({ length: replicas.count }, (_, index) => index).filter(
      (index) => replicas.service(index) !== undefined,
    );
    // On a busy machine a start takes longer than that: one of them has to get on with the work.
    if (running.length < 2) continue;
    const index = random.pick(running);
    kills += 1;
    restarts.push(replicas.kill(index).then(() => replicas.start(index)));
  }
  await Promise.all(restarts);
  return kills;
}
