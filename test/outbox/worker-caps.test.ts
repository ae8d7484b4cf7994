import { describe, expect, it, vi } from 'vitest';
import type { ClaimRequest } from '../../src/store/store.ts';
import { aDelivery, bornWith } from '../helpers/records.ts';
import { insertTask } from '../helpers/store.ts';
import { until } from '../helpers/until.ts';
import { setupWorker } from '../helpers/worker.ts';

describe('attempts in flight', () => {
  it('to one agent are no more than its cap, and the slots stay busy to the end', async () => {
    const { worker, agent, tasks, inFlight, answer, started, mostInFlight } = setupWorker({
      agentConcurrency: 3,
    });
    await tasks(await agent(), 20);
    worker.start();
    for (let answered = 0; answered < 20; answered += 1) {
      await until(() => inFlight().length === Math.min(3, 20 - answered));
      answer(inFlight()[0] ?? '');
    }
    expect(started).toHaveLength(20);
    expect(mostInFlight()).toBe(3);
  });

  it('in total are no more than the cap over all agents', async () => {
    const { worker, agent, tasks, inFlight, answer, started, mostInFlight, settle } = setupWorker({
      agentConcurrency: 4,
      maxConcurrency: 6,
    });
    for (let i = 0; i < 4; i += 1) await tasks(await agent(), 5);
    worker.start();
    for (let answered = 0; answered < 20; answered += 1) {
      await until(() => inFlight().length === Math.min(6, 20 - answered));
      await settle(2);
      answer(inFlight()[0] ?? '');
    }
    expect(started).toHaveLength(20);
    expect(mostInFlight()).toBe(6);
  });

  it('to an agent that hangs hold up no other', async () => {
    const hanging = new Set<string>();
    const { worker, agent, tasks, stateOf, inFlight, started } = setupWorker({
      agentConcurrency: 2,
      maxConcurrency: 10,
      world: ({ agentId }) => (hanging.has(agentId) ? undefined : 200),
    });
    const stuck = await agent();
    hanging.add(stuck.agentId);
    await tasks(stuck, 100);
    const ids = await tasks(await agent(), 50);
    worker.start();
    for (const id of ids) await until(async () => (await stateOf(id)) === 'delivered');
    expect(inFlight()).toHaveLength(2);
    expect(started.filter(({ agentId }) => agentId === stuck.agentId)).toHaveLength(2);
  });
});

describe('agents and Ops-Core have slots of their own', () => {
  it('agents that hang keep no webhook from Ops-Core', async () => {
    const { worker, agent, tasks, names, inFlight, clock } = setupWorker({
      maxConcurrency: 2,
      world: ({ kind }) => (kind === 'task' ? undefined : 202),
    });
    await tasks(await agent(), 10);
    worker.start();
    await until(() => inFlight().length === 2);
    await agent(({ agentId }) =>
      aDelivery(agentId, { kind: 'webhook', name: 'REGISTER', dueAt: clock.now() }),
    );
    worker.wake();
    await until(() => names().includes('REGISTER'));
    expect(inFlight()).toHaveLength(2);
  });

  it('an Ops-Core that hangs keeps no task from an agent, and has 128 requests at most', async () => {
    const { worker, agent, tasks, inFlight, stateOf, clock } = setupWorker({
      maxConcurrency: 2,
      world: ({ kind }) => (kind === 'task' ? 200 : undefined),
    });
    for (let i = 0; i < 140; i += 1) {
      await agent(({ agentId }) => aDelivery(agentId, { kind: 'webhook', dueAt: clock.now() }));
    }
    worker.start();
    await until(() => inFlight().length === 128);
    const ids = await tasks(await agent(), 5);
    worker.wake();
    for (const id of ids) await until(async () => (await stateOf(id)) === 'delivered');
    expect(inFlight()).toHaveLength(128);
  });
});

describe('what is held in memory', () => {
  /** Claims as the store sees them: what was handed out, and not completed or given back. */
  function heldOf(setup: Partial<Parameters<typeof setupWorker>[0]> & object) {
    const held = new Set<number>();
    let most = 0;
    const kit = setupWorker({
      ...setup,
      outbox: (real) => ({
        claim: async (request: ClaimRequest) => {
          const result = await real.claim(request);
          for (const { seq } of result.deliveries) held.add(seq);
          most = Math.max(most, held.size);
          return result;
        },
        complete: async (completion) => {
          const outcome = await real.complete(completion);
          held.delete(completion.seq);
          return outcome;
        },
      }),
    });
    return { ...kit, held: () => held.size, mostHeld: () => most };
  }

  it('stays bounded however long the backlog is, and all of it is delivered once', async () => {
    let open = false;
    const { worker, agent, tasks, held, mostHeld, started, inFlight, answer, settle } = heldOf({
      world: () => (open ? 200 : undefined),
    });
    for (let i = 0; i < 100; i += 1) await tasks(await agent(), 100);
    worker.start();
    await until(() => inFlight().length === 512);
    await settle();
    // 100 agents with 144 each are what their lanes would take.
    expect(held()).toBe(4_096);
    open = true;
    for (const id of inFlight()) answer(id);
    await until(() => started.length === 10_000 && held() === 0, 'the end of the backlog');
    expect(new Set(started.map(({ id }) => id)).size).toBe(10_000);
    expect(mostHeld()).toBe(4_096);
  });

  it('stays bounded in bytes as well', async () => {
    const { worker, agent, tasks, held, inFlight, settle } = heldOf({ maxConcurrency: 1 });
    const body = Buffer.alloc(4 * 1_048_576, ' ');
    for (let i = 0; i < 3; i += 1) await tasks(await agent(), 8, { body });
    worker.start();
    await until(() => inFlight().length === 1);
    await settle();
    expect(held()).toBe(16);
  });

  it('of one agent is a few times its slots', async () => {
    const { worker, agent, tasks, held, inFlight, settle } = heldOf({ agentConcurrency: 2 });
    await tasks(await agent(), 100);
    worker.start();
    await until(() => inFlight().length === 2);
    await settle();
    expect(held()).toBe(18);
  });
});

describe('a task that is just being stored', () => {
  /** What tasks.ts does: reserve, store, hand over. */
  async function accept(kit: ReturnType<typeof setupWorker>, agentId: string): Promise<string> {
    const task = aDelivery(agentId, { createdAt: kit.clock.now(), dueAt: kit.clock.now() });
    const lease = kit.worker.reserve(task.lane);
    const result = await insertTask(kit.real, task, { lease });
    if (result.outcome !== 'inserted') throw new Error(result.outcome);
    if (lease === undefined) kit.worker.noteBacklog(task.lane);
    else {
      kit.worker.accept(bornWith(lease, task, result.seq));
    }
    return task.id;
  }

  it('is sent straight from memory: nothing is read back', async () => {
    const claim = vi.fn();
    const kit = setupWorker({
      world: () => 200,
      outbox: (real) => ({
        claim: async (request) => {
          const result = await real.claim(request);
          claim(result.deliveries.length);
          return result;
        },
      }),
    });
    const { agentId } = await kit.agent();
    kit.worker.start();
    const id = await accept(kit, agentId);
    await until(async () => (await kit.stateOf(id)) === 'delivered');
    expect(kit.started).toHaveLength(1);
    for (const [count] of claim.mock.calls) expect(count).toBe(0);
  });

  it('goes to disk alone before the worker has started, and after it has stopped', async () => {
    const kit = setupWorker();
    const { agentId } = await kit.agent();
    expect(kit.worker.reserve(`task:${agentId}`)).toBeUndefined();
    kit.worker.start();
    expect(kit.worker.reserve(`task:${agentId}`)).toBeDefined();
    kit.worker.unreserve(`task:${agentId}`);
    await kit.worker.stop(0);
    expect(kit.worker.reserve(`task:${agentId}`)).toBeUndefined();
  });

  it('goes to disk alone when its agent has enough waiting in memory, and is sent in its turn', async () => {
    const kit = setupWorker({ agentConcurrency: 1 });
    const { agentId } = await kit.agent();
    kit.worker.start();
    const ids: string[] = [];
    for (let i = 0; i < 12; i += 1) ids.push(await accept(kit, agentId));
    const lane = `task:${agentId}`;
    expect(kit.worker.reserve(lane)).toBeUndefined();
    for (const id of ids) {
      await until(() => kit.inFlight().length === 1);
      expect(kit.inFlight()).toEqual([id]);
      kit.answer(id);
    }
    await until(async () => (await kit.stateOf(ids.at(-1) ?? '')) === 'delivered');
    expect(kit.started.map(({ id }) => id)).toEqual(ids);
    await until(() => {
      // The room is back: what comes now is sent from memory again.
      const lease = kit.worker.reserve(lane);
      if (lease !== undefined) kit.worker.unreserve(lane);
      return lease !== undefined;
    });
  });

  it('that is not stored after all gives its room back', async () => {
    const kit = setupWorker({ agentConcurrency: 1 });
    const { agentId } = await kit.agent();
    const lane = `task:${agentId}`;
    kit.worker.start();
    for (let i = 0; i < 1_000; i += 1) {
      expect(kit.worker.reserve(lane)).toBeDefined();
      kit.worker.unreserve(lane);
    }
  });

  it('is leased for longer than its attempt can last', async () => {
    const kit = setupWorker();
    kit.worker.start();
    const lease = kit.worker.reserve('task:a');
    const now = kit.clock.now();
    expect(lease).toEqual({ owner: 'worker', until: now + 1_000 + 10_000, startBy: now + 9_000 });
    kit.worker.unreserve('task:a');
  });
});
