import { randomUUID } from 'node:crypto';
import { v7 as uuidv7 } from 'uuid';
import {
  laneOf,
  type Attempt,
  type LeasedDelivery,
  type NewDelivery,
} from '../../src/outbox/delivery.ts';
import type { Agent, AgentToken, Lease } from '../../src/store/store.ts';
import { aSigningSecret } from './secrets.ts';

// Valid records with the least in them; a test says only what it is about.

export function anAgent(changes: Partial<Agent> = {}): Agent {
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
    registeredAt: 1_000,
    updatedAt: 1_000,
    lastSeenAt: 1_000,
    leaseSeconds: null,
    leaseExpiresAt: null,
    offlineAt: null,
    unreachableAt: null,
    pausedAt: null,
    revision: 0,
    ...changes,
  };
}

export function aToken(changes: Partial<AgentToken> = {}): AgentToken {
  return { hash: `hash-${randomUUID()}`, previousUntil: 0, ...changes };
}

/** A task unless `kind` says otherwise; due at 1,000 like everything here. */
export function aDelivery(
  agentId: string,
  changes: Partial<Omit<NewDelivery, 'body'>> & { body?: string | Uint8Array } = {},
): NewDelivery {
  const kind = changes.kind ?? 'task';
  const { body = '{"task_name":"t"}', ...rest } = changes;
  return {
    id: uuidv7(),
    kind,
    agentId,
    lane: laneOf(kind, agentId),
    name: 't',
    createdAt: 1_000,
    dueAt: 1_000,
    body: Buffer.from(body),
    traceparent: null,
    ...rest,
  };
}

/** What was just stored with a lease, as its worker holds it. */
export function bornWith(lease: Lease, delivery: NewDelivery, seq = 1): LeasedDelivery {
  return {
    ...delivery,
    seq,
    epoch: 1,
    attemptCount: 0,
    unburntCount: 0,
    probe: false,
    leaseUntil: lease.until,
  };
}

export function anAttempt(changes: Partial<Attempt> = {}): Attempt {
  return {
    number: 1,
    startedAt: 1_000,
    durationMs: 5,
    outcome: 'delivered',
    statusCode: 200,
    errorClass: null,
    responseExcerpt: 'ok',
    connectedMs: 1,
    answeredMs: 3,
    spanId: '00f067aa0ba902b7',
    ...changes,
  };
}
