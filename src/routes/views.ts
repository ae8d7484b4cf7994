import type { Attempt } from '../outbox/delivery.ts';
import type { Principal } from '../auth/principal.ts';
import type { Registered } from '../registry/registry.ts';
import type { Agent, AgentEvent, DeliveryRecord } from '../store/store.ts';

const iso = (ms: number): string => new Date(ms).toISOString();
export const isoOrNull = (ms: number | null): string | null => (ms === null ? null : iso(ms));

/** An agent as callers see it: never its secret. */
export function agentView(agent: Agent) {
  return {
    agentId: agent.agentId,
    agentName: agent.agentName,
    version: agent.version,
    capabilities: [...agent.capabilities],
    contactEndpoint: agent.contactEndpoint,
    metadata: agent.metadata,
    registrationTime: iso(agent.registeredAt),
    updatedAt: iso(agent.updatedAt),
    lastSeenAt: iso(agent.lastSeenAt),
    status: agent.status,
    pausedAt: isoOrNull(agent.pausedAt),
    leaseSeconds: agent.leaseSeconds,
    leaseExpiresAt: isoOrNull(agent.leaseExpiresAt),
    revision: agent.revision,
  };
}

/** The answer to the agent itself: what it verifies with, and what it proves itself with. */
export function registeredView({ agent, agentToken }: Registered) {
  return {
    ...agentView(agent),
    signingSecret: agent.signingSecret,
    ...(agentToken === undefined ? {} : { agentToken }),
  };
}

export function agentEventView(event: AgentEvent) {
  return {
    seq: event.seq,
    type: event.type,
    at: iso(event.at),
    agentId: event.agentId,
    agent: event.agent === null ? null : agentView(event.agent),
  };
}

/** A delivery, but for its id: a task has another name for that. */
export function recordView(record: DeliveryRecord) {
  return {
    agentId: record.agentId,
    name: record.name,
    state: record.state,
    attemptCount: record.attemptCount,
    nextAttemptAt: isoOrNull(record.nextAttemptAt),
    lastError: record.lastError,
    createdAt: iso(record.createdAt),
    finishedAt: isoOrNull(record.finishedAt),
  };
}

export function taskListItem(record: DeliveryRecord) {
  return { taskId: record.id, ...recordView(record) };
}

export function taskView(
  { record, attempts }: { record: DeliveryRecord; attempts: readonly Attempt[] },
  principal: Principal,
) {
  return {
    ...taskListItem(record),
    attempts: attempts.map((attempt) =>
      principal.kind === 'agent' ? masked(attemptView(attempt)) : attemptView(attempt),
    ),
  };
}

export function attemptView(attempt: Attempt) {
  return {
    number: attempt.number,
    startedAt: iso(attempt.startedAt),
    durationMs: attempt.durationMs as number | null,
    outcome: attempt.outcome,
    statusCode: attempt.statusCode,
    errorClass: attempt.errorClass as string | null,
    responseExcerpt: attempt.responseExcerpt,
  };
}

/**
 * An agent chose the address itself: told how and how fast a connection failed, it could use the service as a port
 * scanner of the network that the service is in.
 */
function masked(attempt: ReturnType<typeof attemptView>) {
  if (attempt.statusCode !== null) return attempt;
  return { ...attempt, errorClass: 'unreachable', durationMs: null };
}
