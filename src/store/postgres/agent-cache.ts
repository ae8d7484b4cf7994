import type { SecretBox } from '../secret-box.ts';
import type { Agent } from '../store.ts';
import { PAUSED_AT, toAgent } from '../agent-rows.ts';
import { sql, type Database } from './database.ts';

const select = sql('agents_get', `SELECT a.*, ${PAUSED_AT} FROM agents AS a WHERE a.agent_id = $1`);

/** Agents kept in memory, about 1 KiB each. */
const CACHE_SIZE = 10_000;

/** What another replica changes of an agent is seen after this at the latest. */
const TTL_MS = 1_000;

interface Entry {
  readonly agent: Promise<Agent | undefined>;
  readonly until: number;
}

/** Agents as accepting and dispatching tasks need them: one read a second, however many tasks there are. */
export class AgentCache {
  readonly #entries = new Map<string, Entry>();
  readonly #db: Database;
  readonly #box: SecretBox;

  constructor(db: Database, box: SecretBox) {
    this.#db = db;
    this.#box = box;
  }

  get(agentId: string): Promise<Agent | undefined> {
    const now = performance.now();
    const cached = this.#entries.get(agentId);
    if (cached !== undefined && cached.until > now) return cached.agent;
    const agent = this.#read(agentId);
    // The age counts from before the read: what it shows is as old as that.
    this.#entries.delete(agentId);
    this.#entries.set(agentId, { agent, until: now + TTL_MS });
    if (this.#entries.size > CACHE_SIZE) {
      const oldest = this.#entries.keys().next().value;
      if (oldest !== undefined) this.#entries.delete(oldest);
    }
    agent.catch(() => this.forget(agentId));
    return agent;
  }

  /** After a write of this replica, whose own reads show it at once. */
  forget(agentId: string): void {
    this.#entries.delete(agentId);
  }

  async #read(agentId: string): Promise<Agent | undefined> {
    const [row] = await this.#db.read(select, [agentId]);
    return row === undefined ? undefined : toAgent(row, this.#box);
  }
}
