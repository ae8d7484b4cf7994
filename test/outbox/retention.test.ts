import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { startRetention } from '../../src/outbox/retention.ts';
import { createReplica } from '../../src/store/sqlite/replica.ts';
import type { AgentStore, OutboxStore, Replica, Store } from '../../src/store/store.ts';
import { testLog } from '../helpers/log.ts';
import { manualClock } from '../helpers/manual-clock.ts';
import { settle } from '../helpers/until.ts';

// What is deleted is the store's business and tested there; here is when, and how much at a time.

type Step = Parameters<OutboxStore['prune']>[0];

function setup(
  prune: OutboxStore['prune'],
  pruneEvents: AgentStore['pruneEvents'] = async () => 0,
  replica: Replica = createReplica(),
) {
  const lines: string[] = [];
  const log = testLog((line) => lines.push(JSON.stringify(line)));
  const clock = manualClock();
  const steps: Step[] = [];
  const replaySteps: { before: number; limit: number }[] = [];
  const eventSteps: { before: number; limit: number }[] = [];
  const store = {
    replica,
    agents: {
      pruneEvents: (before: number, limit: number) => {
        eventSteps.push({ before, limit });
        return pruneEvents(before, limit);
      },
    },
    replays: {
      prune: async (before: number, limit: number) => {
        replaySteps.push({ before, limit });
        return replaySteps.length === 1 ? limit : 0;
      },
    },
    outbox: {
      prune: (step: Step) => {
        steps.push(step);
        return prune(step);
      },
    },
  } as unknown as Store;
  const retention = startRetention(
    { store, clock, log },
    { retention: 1_000, deadLetterRetention: 5_000 },
  );
  return { retention, clock, steps, eventSteps, replaySteps, lines };
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
});
afterEach(() => {
  vi.useRealTimers();
});

describe('retention', () => {
  it('is left to the replica that leads in it', async () => {
    let leads = false;
    const lead = async () => (leads ? { ledAt: null } : undefined);
    const { steps } = setup(async () => ({ deleted: 0, cursor: null }), undefined, {
      ...createReplica(),
      lead,
    });
    vi.advanceTimersByTime(60_000);
    await settle();
    expect(steps).toEqual([]);
    leads = true;
    vi.advanceTimersByTime(60_000);
    await settle();
    expect(steps).toHaveLength(1);
  });

  it('looks once a minute, with the two ages that were configured', async () => {
    const { retention, clock, steps } = setup(async () => ({ deleted: 0, cursor: null }));
    vi.advanceTimersByTime(59_999);
    await settle();
    expect(steps).toEqual([]);
    vi.advanceTimersByTime(1);
    await settle();
    expect(steps).toEqual([
      {
        finishedBefore: clock.now() - 1_000,
        deadBefore: clock.now() - 5_000,
        limit: 500,
        cursor: 0,
      },
    ]);
    vi.advanceTimersByTime(60_000);
    await settle();
    expect(steps).toHaveLength(2);
    await retention.stop();
  });

  it('follows the cursor to the end, and begins anew in the next minute', async () => {
    const { retention, steps, lines } = setup(async ({ cursor }) => ({
      deleted: 10,
      cursor: cursor < 1_000 ? cursor + 500 : null,
    }));
    vi.advanceTimersByTime(60_000);
    await settle();
    vi.advanceTimersByTime(60_000);
    await settle();
    expect(steps.map(({ cursor }) => cursor)).toEqual([0, 500, 1_000, 0, 500, 1_000]);
    expect(lines.filter((line) => line.includes('"deleted":30'))).toHaveLength(2);
    await retention.stop();
  });

  it('of events is that of deliveries, and goes in steps to the end as well', async () => {
    const found = [500, 500, 20, 0];
    const { retention, clock, eventSteps } = setup(
      async () => ({ deleted: 0, cursor: null }),
      async () => found.shift() ?? 0,
    );
    const step = { before: clock.now() - 1_000, limit: 500 };
    vi.advanceTimersByTime(60_000);
    await settle();
    expect(eventSteps).toEqual([step, step, step]);
    vi.advanceTimersByTime(60_000);
    await settle();
    expect(eventSteps).toHaveLength(4);
    await retention.stop();
  });

  it('outlives a store that fails', async () => {
    let failing = true;
    const { retention, steps, lines } = setup(async () => {
      if (failing) throw new Error('disk full');
      return { deleted: 1, cursor: null };
    });
    vi.advanceTimersByTime(60_000);
    await settle();
    failing = false;
    vi.advanceTimersByTime(60_000);
    await settle();
    expect(steps).toHaveLength(2);
    expect(lines.join('')).toContain('deleting old deliveries failed');
    expect(lines.join('')).toContain('"deleted":1');
    await retention.stop();
  });

  it('stops between two steps, and not within one', async () => {
    let release: () => void = () => undefined;
    const { retention, steps } = setup(async () => {
      await new Promise<void>((resolve) => {
        release = resolve;
      });
      return { deleted: 1, cursor: 1 };
    });
    vi.advanceTimersByTime(60_000);
    await settle();
    let stopped = false;
    const stop = retention.stop().then(() => {
      stopped = true;
    });
    await settle();
    expect(stopped).toBe(false);
    release();
    await stop;
    vi.advanceTimersByTime(600_000);
    await settle();
    expect(steps).toHaveLength(1);
  });
});
