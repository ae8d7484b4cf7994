import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { PreviousSecret } from '../../webhook/sign.ts';
import type { SecretBox } from '../secret-box.ts';
import type { Agent, AgentStatus } from '../store.ts';

/** Agents kept in memory, so that accepting a task reads nothing; about 1 KiB each. */
const CACHE_SIZE = 10_000;

/** The agents of the one process that writes the file, so a cached one is always the current one. */
export class AgentCache {
  readonly #agents = new Map<string, Agent>();
  readonly #select: StatementSync;
  readonly #box: SecretBox;

  constructor(db: DatabaseSync, box: SecretBox) {
    this.#select = db.prepare('SELECT * FROM agents WHERE agent_id = ?');
    this.#box = box;
  }

  get(agentId: string): Agent | undefined {
    const cached = this.#agents.get(agentId);
    if (cached !== undefined) return cached;
    const row = this.#select.get(agentId);
    if (row === undefined) return undefined;
    const agent = toAgent(row, this.#box);
    if (this.#agents.size >= CACHE_SIZE) {
      const oldest = this.#agents.keys().next().value;
      if (oldest !== undefined) this.#agents.delete(oldest);
    }
    this.#agents.set(agentId, agent);
    return agent;
  }

  forget(agentId: string): void {
    this.#agents.delete(agentId);
  }

  clear(): void {
    this.#agents.clear();
  }
}

type Row = Record<string, unknown>;

/** A row as an agent, its secrets opened. */
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
