import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Principal } from '../../src/auth/principal.ts';
import { newId } from '../../src/ids.ts';
import type { LeasedDelivery } from '../../src/outbox/delivery.ts';
import { StoreUnavailableError, type Idempotency, type Lease } from '../../src/store/store.ts';
import { createTasks, type RunRequest } from '../../src/tasks/tasks.ts';
import { manualClock } from '../helpers/manual-clock.ts';
import { openSqlite } from '../helpers/open-store.ts';
import { aDelivery, anAgent } from '../helpers/records.ts';
import { claimAt, insertAgent, insertTask, updateAgent } from '../helpers/store.ts';
import { tempDir } from '../helpers/temp-dir.ts';

const TRACE = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01 a=1';
const QUEUE_LIMIT = 3;
const ANYBODY: Principal = { kind: 'anonymous' };

/** The domain on a real store, with a worker that notes what it is told. */
async function setup(room: 'room' | 'full' = 'room') {
  const store = openSqlite(join(tempDir(), 'agentkit.db'));
  onTestFinished(() => store.close());
  const clock = manualClock();
  const agent = anAgent();
  await insertAgent(store, agent);
  const said: string[] = [];
  const accepted: LeasedDelivery[] = [];
  const lease: Lease = { owner: 'worker', until: clock.now() + 20_000 };
  const keys: (Idempotency | undefined)[] = [];
  const tasks = createTasks({
    store: {
      ...store,
      tasks: {
        ...store.tasks,
        insert: (task, options) => {
          keys.push(options.idempotency);
          return store.tasks.insert(task, options);
        },
      },
    },
    clock,
    queueLimit: QUEUE_LIMIT,
    worker: {
      reserve: () => {
        said.push('reserve');
        return room === 'room' ? lease : undefined;
      },
      unreserve: () => said.push('unreserve'),
      accept: (delivery) => {
        said.push('accept');
        accepted.push(delivery);
      },
      noteBacklog: () => said.push('noteBacklog'),
      noteHeld: () => said.push('noteHeld'),
      drop: (id) => said.push(`drop ${id}`),
    },
  });
  const request = (changes: Partial<RunRequest> = {}): RunRequest => ({
    taskId: newId(),
    agentId: agent.agentId,
    bytes: Buffer.from('{"task_name":"t"}'),
    body: { task_name: 't' },
    idempotencyKey: undefined,
    trace: TRACE,
    ...changes,
  });
  return { store, tasks, agent, said, accepted, lease, clock, keys, request };
}

describe('a task that is taken', () => {
  it('is on disk under a lease before the worker has it', async () => {
    const { tasks, said, accepted, lease, store, request, agent, clock } = await setup();
    const id = await tasks.run(request());
    expect(said).toEqual(['reserve', 'accept']);
    expect(accepted).toMatchObject([
      {
        id,
        kind: 'task',
        agentId: agent.agentId,
        lane: `task:${agent.agentId}`,
        name: 't',
        createdAt: clock.now(),
        epoch: 1,
        attemptCount: 0,
        leaseUntil: lease.until,
      },
    ]);
    const stored = await claimAt(store, lease.until);
    expect(stored.deliveries).toMatchObject([{ id, seq: accepted[0]?.seq, epoch: 2 }]);
  });

  it('is on disk alone when the worker has no room', async () => {
    const { tasks, said, store, request } = await setup('full');
    const id = await tasks.run(request());
    expect(said).toEqual(['reserve', 'noteBacklog']);
    expect((await store.tasks.get(id))?.record.nextAttemptAt).not.toBeNull();
  });

  it.each(['unreachable', 'offline'] as const)(
    'waits on disk while its agent is %s, whatever room the worker has',
    async (status) => {
      const { tasks, said, store, request, agent, clock } = await setup();
      const holdUntil = clock.now() + 15_000;
      await updateAgent(store, agent.agentId, { status }, { holdUntil });
      const id = await tasks.run(request());
      expect(said).toEqual(['reserve', 'unreserve', 'noteHeld']);
      expect((await store.tasks.get(id))?.record.nextAttemptAt).not.toBeNull();
      expect((await claimAt(store, holdUntil - 1)).deliveries).toEqual([]);
      expect((await claimAt(store, holdUntil)).deliveries).toMatchObject([{ id, probe: true }]);
    },
  );

  it('keeps its trace', async () => {
    const { tasks, accepted, request } = await setup();
    await tasks.run(request());
    expect(accepted[0]?.traceparent).toBe(TRACE);
  });

  it('has its key compared by the SHA-256 of its very bytes', async () => {
    const { tasks, keys, request } = await setup();
    const bytes = Buffer.from('{ "task_name" : "t" }');
    await tasks.run(request({ bytes, idempotencyKey: 'k' }));
    const bodyHash = createHash('sha256').update(bytes).digest('hex');
    expect(keys).toEqual([{ key: 'k', bodyHash }]);
  });
});

describe('the room that was reserved in the worker is given back', () => {
  it('when the agent is unknown', async () => {
    const { tasks, said, request } = await setup();
    await expect(tasks.run(request({ agentId: 'nobody' }))).rejects.toMatchObject({
      code: 'agent_not_found',
    });
    expect(said).toEqual(['reserve', 'unreserve']);
  });

  it('when the key was used before', async () => {
    const { tasks, said, request } = await setup();
    const id = await tasks.run(request({ idempotencyKey: 'k' }));
    expect(await tasks.run(request({ idempotencyKey: 'k' }))).toBe(id);
    const other = request({ idempotencyKey: 'k', bytes: Buffer.from('{"task_name":"u"}') });
    await expect(tasks.run(other)).rejects.toMatchObject({ code: 'idempotency_conflict' });
    expect(said).toEqual(['reserve', 'accept', 'reserve', 'unreserve', 'reserve', 'unreserve']);
  });

  it('when too many tasks are waiting for the agent', async () => {
    const { tasks, said, request, store, agent } = await setup();
    for (let i = 0; i < QUEUE_LIMIT; i += 1) await insertTask(store, aDelivery(agent.agentId));
    await expect(tasks.run(request())).rejects.toMatchObject({
      code: 'queue_full',
      retryAfterSeconds: 5,
    });
    expect(said).toEqual(['reserve', 'unreserve']);
  });

  it('when the store fails', async () => {
    const { tasks, said, request, store } = await setup();
    store.tasks.insert = () => Promise.reject(new StoreUnavailableError('disk full'));
    await expect(tasks.run(request())).rejects.toMatchObject({ code: 'store_unavailable' });
    expect(said).toEqual(['reserve', 'unreserve']);
  });

  it('and none is reserved for what is invalid', async () => {
    const { tasks, said, request } = await setup();
    await expect(tasks.run(request({ body: {} }))).rejects.toMatchObject({
      code: 'validation_failed',
      errors: [{ path: '/task_name' }],
    });
    expect(said).toEqual([]);
  });
});

it('a cancelled task is taken out of the hands of the worker once that is on disk', async () => {
  const { tasks, said, request, store } = await setup();
  const id = await tasks.run(request());
  expect((await tasks.cancel(id, ANYBODY)).record.state).toBe('cancelled');
  expect(said.at(-1)).toBe(`drop ${id}`);
  expect((await store.tasks.get(id))?.record.state).toBe('cancelled');
});

it("another agent's task is not there for an agent; its own is", async () => {
  const { tasks, request, agent } = await setup();
  const id = await tasks.run(request());
  const stranger: Principal = { kind: 'agent', agentId: 'another' };
  await expect(tasks.get(id, stranger)).rejects.toMatchObject({ code: 'task_not_found' });
  expect((await tasks.get(id, { kind: 'agent', agentId: agent.agentId })).record.id).toBe(id);
});

it('what is unknown is said to be', async () => {
  const { tasks } = await setup();
  await expect(tasks.get('x', ANYBODY)).rejects.toMatchObject({ code: 'task_not_found' });
  await expect(tasks.cancel('x', ANYBODY)).rejects.toMatchObject({ code: 'task_not_found' });
  await expect(tasks.listOfAgent('x', { limit: 1, before: null })).rejects.toMatchObject({
    code: 'agent_not_found',
  });
});
