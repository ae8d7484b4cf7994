import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { createBacklogWatch } from '../../src/observability/backlog-watch.ts';
import { COUNT_LIMIT, backlogOf } from '../../src/store/backlog.ts';
import { testLog } from '../helpers/log.ts';
import { manualClock } from '../helpers/manual-clock.ts';
import { settle } from '../helpers/until.ts';

const nobody = { online: 0, unreachable: 0, offline: 0, deregistering: 0 };
const withDead = (counted: number) =>
  backlogOf(COUNT_LIMIT, {
    pending: [],
    dead: [{ kind: 'task', counted }],
    agents: nobody,
    paused: 0,
  });

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
});
afterEach(() => {
  vi.useRealTimers();
});

function setup() {
  const clock = manualClock(1_000);
  const lines: string[] = [];
  const asked: { answer: (dead: number) => void; refuse: () => void }[] = [];
  const limits: number[] = [];
  const store = {
    backlog: (limit: number) => {
      limits.push(limit);
      return new Promise<ReturnType<typeof withDead>>((resolve, reject) => {
        asked.push({
          answer: (dead) => resolve(withDead(dead)),
          refuse: () => reject(new Error('away')),
        });
      });
    },
  };
  const watch = createBacklogWatch({ store, clock, log: testLog(({ msg }) => lines.push(msg)) });
  const dead = () => watch.latest()?.backlog.kinds.task.dead.count;
  return { watch, clock, asked, limits, lines, dead };
}

it('looks at once, then every few seconds, and never twice at a time', async () => {
  const { watch, clock, asked, limits, dead } = setup();
  expect(watch.latest()).toBeUndefined();
  watch.start();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(asked).toHaveLength(1);
  asked[0]?.answer(1);
  await settle();
  expect(dead()).toBe(1);
  expect(watch.latest()?.at).toBe(1_000);
  clock.advance(5_000);
  await vi.advanceTimersByTimeAsync(5_000);
  expect(asked).toHaveLength(2);
  asked[1]?.answer(2);
  await settle();
  expect(watch.latest()).toMatchObject({ at: 6_000 });
  expect(dead()).toBe(2);
  expect(limits).toEqual([COUNT_LIMIT, COUNT_LIMIT]);
});

it('keeps what it saw while the store is away, says so once, and goes on', async () => {
  const { watch, asked, lines, dead } = setup();
  watch.start();
  asked[0]?.answer(1);
  for (const turn of [1, 2]) {
    await vi.advanceTimersByTimeAsync(5_000);
    asked[turn]?.refuse();
    await settle();
  }
  expect(dead()).toBe(1);
  expect(lines).toEqual(['the backlog cannot be counted; trying again']);
  await vi.advanceTimersByTimeAsync(5_000);
  asked[3]?.answer(4);
  await settle();
  expect(dead()).toBe(4);
});

it('ends after the look that is under way, and looks no more', async () => {
  const { watch, asked } = setup();
  watch.start();
  let stopped = false;
  const stop = watch.stop().then(() => (stopped = true));
  await settle();
  expect(stopped).toBe(false);
  asked[0]?.answer(1);
  await stop;
  await vi.advanceTimersByTimeAsync(60_000);
  expect(asked).toHaveLength(1);
});
