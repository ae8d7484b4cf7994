import type { Attempt } from '../outbox/delivery.ts';
import type { Agent, DeliveryRecord } from '../store/store.ts';

const iso = (ms: number): string => new Date(ms).toISOString();
const isoOrNull = (ms: number | null): string | null => (ms === null ? null : iso(ms));

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
  };
}

/** The answer to the agent itself, which needs the secret to verify what it is sent. */
export function registeredView(agent: Agent) {
  return { ...agentView(agent), signingSecret: agent.signingSecret };
}

export function taskListItem(record: DeliveryRecord) {
  return {
    taskId: record.id,
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

export function taskView({
  record,
  attempts,
}: {
  record: DeliveryRecord;
  attempts: readonly Attempt[];
}) {
  return {
    ...taskListItem(record),
    attempts: attempts.map((attempt) => ({ ...attempt, startedAt: iso(attempt.startedAt) })),
  };
}
