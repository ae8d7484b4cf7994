import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createRegistry, type Notifications } from '../../src/registry/registry.ts';
import { openSqliteStore } from '../../src/store/sqlite/store.ts';
import type { Store } from '../../src/store/store.ts';
import { manualClock } from '../helpers/manual-clock.ts';
import { aDelivery } from '../helpers/records.ts';
import { tempDir } from '../helpers/temp-dir.ts';

const BOTH: Notifications = { webhooks: true, stateReports: true };
const REGISTRATION = {
  agentName: 'summarizer',
  version: '1.0.0',
  contactEndpoint: 'http://127.0.0.1:9000/tasks',
};

function setup(notifications: Notifications = BOTH, path = join(tempDir(), 'agentkit.db')) {
  const store = openSqliteStore(path);
  let closed: Promise<void> | undefined;
  const close = () => (closed ??= store.close());
  onTestFinished(close);
  const clock = manualClock();
  const dropped: string[] = [];
  let wakes = 0;
  const registry = createRegistry({
    store,
    clock,
    notifications,
    worker: {
      owner: 'worker',
      isSent: () => false,
      drop: (id) => {
        dropped.push(id);
      },
      wake: () => {
        wakes += 1;
      },
    },
  });
  return { store, close, clock, registry, dropped, wakes: () => wakes };
}

interface Sent {
  readonly kind: string;
  readonly body: {
    event_type?: string;
    agent_details?: Record<string, unknown>;
    details?: Record<string, unknown>;
  };
}

/** Everything that goes to Ops-Core, in its order. */
async function sentToOpscore(store: Store): Promise<Sent[]> {
  const sent: Sent[] = [];
  const now = Date.parse('2030-01-01');
  for (;;) {
    const { deliveries } = await store.outbox.claim({
      lease: { owner: 'test', until: now + 1 },
      now,
      limit: 100,
      maxBytes: 1_000_000,
      capacityOf: () => 100,
    });
    if (deliveries.length === 0) return sent;
    for (const { seq, epoch, lane, kind, body } of deliveries) {
      if (kind !== 'task') {
        sent.push({ kind, body: JSON.parse(Buffer.from(body).toString()) as Sent['body'] });
      }
      const end = { state: 'delivered', finishedAt: now, lastError: null } as const;
      await store.outbox.complete({ seq, epoch, lane, ...end });
    }
  }
}

const eventsOf = (sent: Sent[]) => sent.map(({ kind, body }) => body.event_type ?? kind);

async function giveTasks(store: Store, agentId: string, count: number): Promise<void> {
  await Promise.all(
    Array.from({ length: count }, (_, i) =>
      store.tasks.insert(
        aDelivery(agentId, { body: JSON.stringify({ task_name: 't', opscore_task_id: `o${i}` }) }),
        undefined,
        undefined,
      ),
    ),
  );
}

describe('registering', () => {
  it('stores the agent and REGISTER, and wakes the worker', async () => {
    const { registry, store, wakes } = setup();
    const agent = await registry.register({ ...REGISTRATION, metadata: { a: { b: 1 } } });
    expect(wakes()).toBe(1);
    expect(await sentToOpscore(store)).toEqual([
      {
        kind: 'webhook',
        body: {
          event_type: 'REGISTER',
          agent_details: {
            agentId: agent.agentId,
            ...REGISTRATION,
            capabilities: [],
            metadata: { a: { b: 1 } },
          },
        },
      },
    ]);
  });

  it('stores no webhook where none is configured', async () => {
    const { registry, store } = setup({ webhooks: false, stateReports: true });
    const { agentId } = await registry.register(REGISTRATION);
    await registry.deregister(agentId);
    expect(await sentToOpscore(store)).toEqual([]);
  });

  it('of a taken name fails and tells Ops-Core nothing', async () => {
    const { registry, store } = setup();
    await registry.register(REGISTRATION);
    await expect(registry.register(REGISTRATION)).rejects.toMatchObject({
      code: 'agent_name_taken',
    });
    expect(eventsOf(await sentToOpscore(store))).toEqual(['REGISTER']);
  });

  it('again tells Ops-Core when something has changed, and only then', async () => {
    const { registry, store, clock } = setup();
    const { agent } = await registry.upsert(REGISTRATION);
    clock.advance(1_000);
    expect(await registry.upsert(REGISTRATION)).toMatchObject({
      created: false,
      agent: { updatedAt: agent.updatedAt, lastSeenAt: clock.now() },
    });
    expect(eventsOf(await sentToOpscore(store))).toEqual(['REGISTER']);
    const { agent: changed } = await registry.upsert({ ...REGISTRATION, version: '2' });
    expect(changed).toMatchObject({
      agentId: agent.agentId,
      signingSecret: agent.signingSecret,
      registeredAt: agent.registeredAt,
      updatedAt: clock.now(),
    });
    const [again] = await sentToOpscore(store);
    expect(again?.body).toMatchObject({
      event_type: 'REGISTER',
      agent_details: { agentId: agent.agentId, version: '2' },
    });
  });
});

describe('deregistering', () => {
  it('an agent without tasks is told to Ops-Core after its registration', async () => {
    const { registry, store } = setup();
    const { agentId } = await registry.register(REGISTRATION);
    expect(await registry.deregister(agentId)).toMatchObject({ agentId });
    expect(eventsOf(await sentToOpscore(store))).toEqual(['REGISTER', 'DEREGISTER']);
    await expect(registry.get(agentId)).rejects.toMatchObject({ code: 'agent_not_found' });
  });

  it('of nobody fails', async () => {
    const { registry } = setup();
    await expect(registry.deregister('nobody')).rejects.toMatchObject({ code: 'agent_not_found' });
  });

  it('reports each waiting task as undeliverable while Ops-Core still knows the agent', async () => {
    const { registry, store, dropped } = setup();
    const { agentId } = await registry.register(REGISTRATION);
    await giveTasks(store, agentId, 3);
    await registry.deregister(agentId);
    const sent = await sentToOpscore(store);
    expect(eventsOf(sent)).toEqual([
      'REGISTER',
      'state_report',
      'state_report',
      'state_report',
      'DEREGISTER',
    ]);
    const details = sent.slice(1, 4).map(({ body }) => body.details);
    expect(details.map((one) => one?.['opscore_task_id']).sort()).toEqual(['o0', 'o1', 'o2']);
    for (const one of details) {
      expect(one).toMatchObject({
        error_code: 'dispatch_failed',
        attempts: 0,
        last_error: 'agent_deregistered',
      });
    }
    expect(dropped).toHaveLength(3);
  });

  it('reports no task where reports are not configured', async () => {
    const { registry, store } = setup({ webhooks: true, stateReports: false });
    const { agentId } = await registry.register(REGISTRATION);
    await giveTasks(store, agentId, 2);
    await registry.deregister(agentId);
    expect(eventsOf(await sentToOpscore(store))).toEqual(['REGISTER', 'DEREGISTER']);
  });

  it('reports in the lane of reports where webhooks are not configured', async () => {
    const { registry, store } = setup({ webhooks: false, stateReports: true });
    const { agentId } = await registry.register(REGISTRATION);
    await giveTasks(store, agentId, 2);
    await registry.deregister(agentId);
    expect(eventsOf(await sentToOpscore(store))).toEqual(['state_report', 'state_report']);
  });

  it('with a backlog of more than one step goes on to the end', async () => {
    const { registry, store } = setup();
    const { agentId } = await registry.register(REGISTRATION);
    await giveTasks(store, agentId, 1_001);
    await registry.deregister(agentId);
    expect(
      await store.tasks.listOfAgent(agentId, { limit: 1, before: null, state: 'scheduled' }),
    ).toEqual({
      items: [],
      next: null,
    });
    const events = eventsOf(await sentToOpscore(store));
    expect(events).toHaveLength(1_003);
    expect(events.at(-1)).toBe('DEREGISTER');
    expect(events.filter((event) => event === 'DEREGISTER')).toHaveLength(1);
  });

  it('that a crash interrupted is finished at the next start', async () => {
    const path = join(tempDir(), 'agentkit.db');
    const first = setup(BOTH, path);
    const { agentId } = await first.registry.register(REGISTRATION);
    await giveTasks(first.store, agentId, 3);
    // One step, and then the process was gone.
    await first.store.agents.remove(agentId, {
      at: first.clock.now(),
      limit: 1,
      reportOf: () => undefined,
      webhookOf: () => undefined,
    });
    await first.close();
    const { registry, store } = setup(BOTH, path);
    await expect(registry.upsert(REGISTRATION)).rejects.toMatchObject({ code: 'agent_name_taken' });
    await registry.resumeDeregistrations();
    await expect(registry.get(agentId)).rejects.toMatchObject({ code: 'agent_not_found' });
    expect(eventsOf(await sentToOpscore(store))).toEqual([
      'REGISTER',
      'state_report',
      'state_report',
      'DEREGISTER',
    ]);
  });
});

it('a sign of life is noted', async () => {
  const { registry, clock } = setup();
  const { agentId } = await registry.register(REGISTRATION);
  clock.advance(5_000);
  expect((await registry.heartbeat(agentId)).lastSeenAt).toBe(clock.now());
  await expect(registry.heartbeat('nobody')).rejects.toMatchObject({ code: 'agent_not_found' });
});
