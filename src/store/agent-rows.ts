import type { PreviousSecret } from '../webhook/sign.ts';
import type { SecretBox } from './secret-box.ts';
import type { Agent, AgentEvent, AgentEventType, AgentStatus } from './store.ts';

export type Row = Record<string, unknown>;

/** Of an agent `a`: when it was paused is kept with its lane, which is held by it. */
export const PAUSED_AT = `(SELECT l.paused_at FROM lanes AS l
  WHERE l.lane = 'task:' || a.agent_id AND l.paused_at IS NOT NULL) AS paused_at`;

/** A row as an agent, its secrets opened; with PAUSED_AT. */
export function toAgent(row: Row, box: SecretBox): Agent {
  return {
    agentId: row['agent_id'] as string,
    agentName: row['agent_name'] as string,
    version: row['version'] as string,
    contactEndpoint: row['contact_endpoint'] as string,
    capabilities: JSON.parse(row['capabilities'] as string) as string[],
    metadata: JSON.parse(row['metadata'] as string) as Record<string, unknown>,
    signingSecret: box.open(row['signing_secret'] as string),
    previousSecret: toPreviousSecret(row, box),
    owner: row['owner'] as string | null,
    status: row['status'] as AgentStatus,
    registeredAt: row['registered_at'] as number,
    updatedAt: row['updated_at'] as number,
    lastSeenAt: row['last_seen_at'] as number,
    leaseSeconds: row['lease_seconds'] as number | null,
    leaseExpiresAt: row['lease_expires_at'] as number | null,
    offlineAt: row['offline_at'] as number | null,
    unreachableAt: row['unreachable_at'] as number | null,
    pausedAt: row['paused_at'] as number | null,
    revision: row['revision'] as number,
  };
}

function toPreviousSecret(row: Row, box: SecretBox): PreviousSecret | null {
  const secret = row['previous_secret'] as string | null;
  if (secret === null) return null;
  return {
    secret: box.open(secret),
    until: row['previous_secret_until'] as number,
    hexUntil: row['previous_secret_hex_until'] as number,
  };
}

/** An agent as the bindings of the statements that write it. */
export function toBindings(agent: Agent, box: SecretBox) {
  return {
    agent_id: agent.agentId,
    agent_name: agent.agentName,
    version: agent.version,
    contact_endpoint: agent.contactEndpoint,
    capabilities: JSON.stringify(agent.capabilities),
    metadata: JSON.stringify(agent.metadata),
    signing_secret: box.seal(agent.signingSecret),
    previous_secret: agent.previousSecret === null ? null : box.seal(agent.previousSecret.secret),
    previous_secret_until: agent.previousSecret?.until ?? null,
    previous_secret_hex_until: agent.previousSecret?.hexUntil ?? null,
    owner: agent.owner,
    status: agent.status,
    registered_at: agent.registeredAt,
    updated_at: agent.updatedAt,
    last_seen_at: agent.lastSeenAt,
    lease_seconds: agent.leaseSeconds,
    lease_expires_at: agent.leaseExpiresAt,
    offline_at: agent.offlineAt,
    unreachable_at: agent.unreachableAt,
    revision: agent.revision,
  };
}

/** What an agent is found by: its capabilities and the top-level keys of its metadata. */
export function tagsOf(agent: Pick<Agent, 'capabilities' | 'metadata'>): Set<string> {
  return new Set([
    ...agent.capabilities.map(capabilityTag),
    ...Object.keys(agent.metadata).map(metadataTag),
  ]);
}

export const capabilityTag = (capability: string): string => `c:${capability}`;
export const metadataTag = (key: string): string => `m:${key}`;

/** What was noted of an agent before there were pauses says nothing of them. */
type NotedAgent = Omit<Agent, 'pausedAt'> & Partial<Pick<Agent, 'pausedAt'>>;

export function toAgentEvent(row: Row): AgentEvent {
  const seq = row['seq'] as number;
  const text = row['agent'] as string | null;
  const agent = text === null ? null : (JSON.parse(text) as NotedAgent);
  return {
    seq,
    type: row['type'] as AgentEventType,
    at: row['at'] as number,
    agentId: row['agent_id'] as string,
    agent: agent === null ? null : { ...agent, pausedAt: agent.pausedAt ?? null, revision: seq },
  };
}
