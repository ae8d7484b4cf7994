import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { createReplays } from '../../src/deliveries/replays.ts';
import type { ReplayStore } from '../../src/store/delivery-store.ts';
import type { Replica, Store } from '../../src/store/store.ts';
import { manualClock } from '../helpers/manual-clock.ts';
import { aDelivery, anAgent, anAttempt } from '../helpers/records.ts';
import { claimAt, insertAgent, insertTask } from '../helpers/store.ts';
import { tempDir } from '../helpers/temp-dir.ts';
import { settle, until } from '../helpers/until.ts';
import { testLog } from '../helpers/log.ts';
import { openSqlite } from '../helpers/open-store.ts';

// What a step does is the store's business and tested there; here is who takes them, and when.

interface Setup {
  readonly replays?: (real: ReplayStore) => Partial<ReplayStore>;
  readonly replica?: Partial<Replica>;
}

async function setup(dead: number, { replays, replica }: Setup = {}) {
  const real = openSqlite(join(tempDir(), 'agentkit.db'));
  const clock = manualClock();
  const store: Store = {
    ...real,
    replays: { ...real.replays, ...replays?.(real.replays) },
    replica: { ...real.replica, ...replica },
  };
  const lines: string[] = [];
  const log = testLog((line) => lines.push(JSON.stringify(line)));
  let wakes = 0;
  const service = createReplays({ store, clock, log, worker: { wake: () => (wakes += 1) } });
  onTestFinished(async () => {
    await service.stop();
    await real.close();
  });

  const agent = await insertAgent(real, anAgent());
  const at = clock.now() - 1_000;
  for (let i = 0; i < dead; i += 1) {
    await insertTask(real, aDelivery(agent.agentId, { createdAt: at, dueAt: at }));
  }
  for (const { seq, epoch, lane } of (await claimAt(real, at)).deliveries) {
    const attempt = anAttempt({ outcome: 'failed' });
    await real.outbox.complete({
      seq,
      epoch,
      lane,
      attempt,
      state: 'dead',
      finishedAt: at,
      lastError: 'http_503',
    });
  }
  const done = (id: string) =>
    until(async () => (await real.replays.get(id))?.state === 'done', 'the replay is done');
  return { service, store: real, clock, lines, wakes: () => wakes, done };
}

const ADMIN = { kind: 'key', name: 'ops', scope: 'admin' } as const;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
});
afterEach(() => {
  vi.useRealTimers();
});

describe('a replay', () => {
  it('goes on at once, in steps, and wakes the worker', async () => {
    const { service, store, lines, wakes, done } = await setup(250);
    service.start();
    const { id, total, createdBy } = await service.create({}, ADMIN);
    expect({ total, createdBy }).toEqual({ total: 250, createdBy: 'ops' });
    await done(id);
    expect(await store.replays.get(id)).toMatchObject({ replayed: 250, skipped: 0 });
    expect(wakes()).toBe(3);
    expect(lines.join('')).toContain('"msg":"replay done"');
  });

  it('counts more dead letters than one look has', async () => {
    const { service, store } = await setup(0);
    const looks: (string | null)[] = [];
    const count = vi.spyOn(store.replays, 'count');
    expect(count).not.toHaveBeenCalled();
    const counting = createReplays({
      store: {
        ...store,
        replays: {
          ...store.replays,
          count: async (_filter, { after }) => {
            looks.push(after);
            return { matched: 2, cursor: looks.length < 3 ? String(looks.length) : null };
          },
        },
      },
      clock: manualClock(),
      log: testLog(),
      worker: { wake: () => undefined },
    });
    expect(await counting.count({})).toBe(6);
    expect(looks).toEqual([null, '1', '2']);
    expect(await service.count({})).toBe(0);
  });

  it('that was begun before a start goes on with it', async () => {
    const { service, store, done } = await setup(3);
    const { id } = await service.create({}, ADMIN);
    await settle();
    expect(await store.replays.get(id)).toMatchObject({ state: 'running', replayed: 0 });
    service.start();
    await done(id);
  });

  it('is left to the replica that leads in it, and taken over when that is silent', async () => {
    let leads = false;
    const asked: unknown[][] = [];
    const { service, store, done } = await setup(3, {
      replica: {
        lead: async (...question) => {
          asked.push(question);
          return leads ? { ledAt: null } : undefined;
        },
      },
    });
    service.start();
    const { id } = await service.create({}, ADMIN);
    await until(() => asked.length > 0);
    await settle();
    expect(await store.replays.get(id)).toMatchObject({ replayed: 0 });
    leads = true;
    await vi.advanceTimersByTimeAsync(1_000);
    await done(id);
    expect(asked[0]?.[0]).toBe('replays');
  });

  it('asks nobody to lead while there is nothing to do', async () => {
    let asked = 0;
    const { service } = await setup(0, {
      replica: { lead: async () => ((asked += 1), { ledAt: null }) },
    });
    service.start();
    await vi.advanceTimersByTimeAsync(5_000);
    await settle();
    expect(asked).toBe(0);
  });

  it('that has to wait is looked at again, and does not hold up another', async () => {
    const waiting = new Set<string>();
    const steps: string[] = [];
    const { service, store, done } = await setup(2, {
      replays: (real) => ({
        step: async (id, options) => {
          steps.push(id);
          if (!waiting.has(id)) return real.step(id, options);
          const replay = await real.get(id);
          return replay === undefined ? undefined : { replay, waiting: true };
        },
      }),
    });
    const first = await service.create({ kind: 'webhook' }, ADMIN);
    waiting.add(first.id);
    const second = await service.create({}, ADMIN);
    service.start();
    await done(second.id);
    expect(await store.replays.get(first.id)).toMatchObject({ state: 'running' });
    await settle();
    expect(steps.filter((id) => id === first.id)).toHaveLength(1);
    waiting.clear();
    await vi.advanceTimersByTimeAsync(1_000);
    await done(first.id);
  });

  it('that the store refuses to go on with is tried again', async () => {
    let refuse = true;
    const { service, lines, done } = await setup(2, {
      replays: (real) => ({
        step: async (id, options) => {
          if (refuse) throw new Error('no disk');
          return real.step(id, options);
        },
      }),
    });
    service.start();
    const { id } = await service.create({}, ADMIN);
    await until(() => lines.join('').includes('a replay could not go on; trying again'));
    refuse = false;
    await vi.advanceTimersByTimeAsync(1_000);
    await done(id);
  });

  it('stops between two steps, and another goes on', async () => {
    let stop: Promise<void> | undefined;
    const { service, store, clock, done } = await setup(300, {
      replays: (real) => ({
        step: async (id, options) => {
          stop ??= service.stop();
          return real.step(id, options);
        },
      }),
    });
    service.start();
    const { id } = await service.create({}, ADMIN);
    await until(() => stop !== undefined);
    await stop;
    expect(await store.replays.get(id)).toMatchObject({ state: 'running', replayed: 100 });
    const log = testLog();
    const next = createReplays({ store, clock, log, worker: { wake: () => undefined } });
    onTestFinished(() => next.stop());
    next.start();
    await done(id);
    expect(await store.replays.get(id)).toMatchObject({ replayed: 300 });
  });

  it('is not gone on with once it was cancelled', async () => {
    const { service, store } = await setup(3);
    const { id } = await service.create({}, ADMIN);
    expect(await service.cancel(id, ADMIN)).toMatchObject({ state: 'cancelled' });
    service.start();
    await settle();
    expect(await store.replays.get(id)).toMatchObject({ state: 'cancelled', replayed: 0 });
  });
});
