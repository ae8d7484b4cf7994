import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { SecretBox } from '../secret-box.ts';
import type { Agent } from '../store.ts';
import { PAUSED_AT, toAgent } from '../agent-rows.ts';

/** Agents kept in memory, so that accepting a task reads nothing; about 1 KiB each. */
const CACHE_SIZE = 10_000;

/** The agents of the one process that writes the file, so a cached one is always the current one. */
export class AgentCache {
  readonly #agents = new Map<string, Agent>();
  readonly #select: StatementSync;
  readonly #box: SecretBox;

  constructor(db: DatabaseSync, box: SecretBox) {
    this.#select = db.prepare(`SELECT a.*, ${PAUSED_AT} FROM agents AS a WHERE a.agent_id = ?`);
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
