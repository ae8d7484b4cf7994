import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { Principal } from '../../src/auth/principal.ts';
import { createDeregistration, type Notifications } from '../../src/registry/deregistration.ts';
import { createRegistry } from '../../src/registry/registry.ts';
import type { Agent, Store } from '../../src/store/store.ts';
import { manualClock } from '../helpers/manual-clock.ts';
import { openSqlite } from '../helpers/open-store.ts';
import { aDelivery } from '../helpers/records.ts';
import { claimAt, insertTask } from '../helpers/store.ts';
import { tempDir } from '../helpers/temp-dir.ts';

export const ANYBODY: Principal = { kind: 'anonymous' };
export const REGISTRATION = {
  agentName: 'summarizer',
  version: '1.0.0',
  contactEndpoint: 'http://127.0.0.1:9000/tasks',
};
export const OVERLAP_MS = 60_000;
const BOTH: Notifications = { webhooks: true, stateReports: true };

/** How agents come and leave, on a real store, with a worker that notes what it is told. */
export function setup(notifications: Notifications = BOTH, path = join(tempDir(), 'agentkit.db')) {
  const store = openSqlite(path);
  let closed: Promise<void> | undefined;
  const close = () => (closed ??= store.close());
  onTestFinished(close);
  const clock = manualClock();
  const changed: Agent[] = [];
  const returned: string[] = [];
  const registry = createRegistry({
    store,
    clock,
    webhooks: notifications.webhooks,
    isUrlBlocked: ({ hostname }) => hostname === '169.254.169.254',
    secretOverlap: OVERLAP_MS,
    onChange: (agent) => {
      changed.push(agent);
    },
    onReturn: (agentId) => {
      returned.push(agentId);
    },
  });
  const dropped: string[] = [];
  let wakes = 0;
  let forgotten = 0;
  const deregistration = createDeregistration({
    store,
    clock,
    notifications,
    forgetTokens: () => {
      forgotten += 1;
    },
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
  return {
    store,
    close,
    clock,
    registry,
    deregistration,
    /** The agents of which the rest of the service was told. */
    changed,
    returned,
    dropped,
    wakes: () => wakes,
    forgotten: () => forgotten,
    registered: async (changes: Partial<typeof REGISTRATION & { leaseSeconds: number }> = {}) =>
      (await registry.register({ ...REGISTRATION, ...changes }, ANYBODY)).agent,
  };
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
export async function sentToOpscore(store: Store): Promise<Sent[]> {
  const sent: Sent[] = [];
  const now = Date.parse('2030-01-01');
  for (;;) {
    const { deliveries } = await claimAt(store, now);
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

export const eventsOf = (sent: Sent[]) => sent.map(({ kind, body }) => body.event_type ?? kind);

export async function giveTasks(store: Store, agentId: string, count: number): Promise<string[]> {
  const tasks = Array.from({ length: count }, (_, i) =>
    aDelivery(agentId, { body: JSON.stringify({ task_name: 't', opscore_task_id: `o${i}` }) }),
  );
  await Promise.all(tasks.map((task) => insertTask(store, task)));
  return tasks.map(({ id }) => id);
}
