import { randomUUID } from 'node:crypto';
import { onTestFinished } from 'vitest';
import { v7 as uuidv7 } from 'uuid';
import type { Clock } from '../../../src/clock.ts';
import { laneOf, type NewDelivery } from '../../../src/outbox/delivery.ts';
import type { Agent, ClaimRequest, Completion, Lease, Store } from '../../../src/store/store.ts';
import { openPostgres } from '../../helpers/open-store.ts';
import { emptyDatabase } from '../../helpers/postgres.ts';
import { aSigningSecret } from '../../helpers/secrets.ts';

// Times here are real: replicas judge leases by the clock that they share.

export interface OpenReplica {
  readonly store: Store;
  readonly clock: Clock;
}

export async function openReplica(url: string): Promise<OpenReplica> {
  const replica = await openPostgres(url);
  onTestFinished(() => replica.store.close());
  return replica;
}

/** Replicas on one empty database. */
export async function openReplicas(
  count: number,
): Promise<{ readonly url: string; readonly replicas: OpenReplica[] }> {
  const url = await emptyDatabase();
  const replicas: OpenReplica[] = [];
  for (let i = 0; i < count; i += 1) replicas.push(await openReplica(url));
  return { url, replicas };
}

export function anAgent(now: number, changes: Partial<Agent> = {}): Agent {
  const agentId = changes.agentId ?? uuidv7();
  return {
    agentId,
    agentName: `agent-${agentId}`,
    version: '1.0.0',
    contactEndpoint: 'http://127.0.0.1:9000/tasks',
    capabilities: [],
    metadata: {},
    signingSecret: aSigningSecret(),
    previousSecret: null,
    owner: null,
    status: 'online',
    registeredAt: now,
    updatedAt: now,
    lastSeenAt: now,
    leaseSeconds: null,
    leaseExpiresAt: null,
    offlineAt: null,
    unreachableAt: null,
    pausedAt: null,
    revision: 0,
    ...changes,
  };
}

export async function register(
  { store, clock }: OpenReplica,
  changes: Partial<Agent> = {},
): Promise<Agent> {
  const agent = anAgent(clock.now(), changes);
  await store.agents.change({ agentId: agent.agentId }, () => ({
    result: undefined,
    write: agent,
    token: { hash: randomUUID(), previousUntil: 0 },
    event: 'registered',
  }));
  return agent;
}

export function aTask(
  agentId: string,
  now: number,
  changes: Partial<NewDelivery> = {},
): NewDelivery {
  return {
    id: uuidv7(),
    kind: 'task',
    agentId,
    lane: laneOf(changes.kind ?? 'task', agentId),
    name: 't',
    createdAt: now,
    dueAt: now,
    body: Buffer.from('{"task_name":"t"}'),
    traceparent: null,
    ...changes,
  };
}

export async function insert(
  { store, clock }: OpenReplica,
  agentId: string,
  { lease, task = aTask(agentId, clock.now()) }: { lease?: Lease; task?: NewDelivery } = {},
): Promise<{ id: string; seq: number; leased: boolean }> {
  const result = await store.tasks.insert(task, {
    lease,
    idempotency: undefined,
    queueLimit: 1_000_000,
  });
  if (result.outcome !== 'inserted') throw new Error(result.outcome);
  return { id: task.id, seq: result.seq, leased: result.leased };
}

export function aLease({ store, clock }: OpenReplica, forMs = 20_000): Lease {
  const now = clock.now();
  return { owner: store.replica.id, until: now + forMs, startBy: now + forMs / 2 };
}

export function claim(replica: OpenReplica, changes: Partial<ClaimRequest> = {}) {
  return replica.store.outbox.claim({
    lease: aLease(replica),
    now: replica.clock.now(),
    probeIntervalMs: 15_000,
    limit: 256,
    maxBytes: Number.MAX_SAFE_INTEGER,
    capacityOf: () => 80,
    ...changes,
  });
}

export function delivered(
  held: { seq: number; epoch: number; lane: string; attemptCount: number },
  now: number,
): Completion {
  const { seq, epoch, lane, attemptCount } = held;
  return {
    seq,
    epoch,
    lane,
    state: 'delivered',
    finishedAt: now,
    lastError: null,
    attempt: {
      number: attemptCount + 1,
      startedAt: now,
      durationMs: 1,
      outcome: 'delivered',
      statusCode: 200,
      errorClass: null,
      responseExcerpt: null,
      connectedMs: 0,
      answeredMs: 1,
      spanId: null,
    },
  };
}
