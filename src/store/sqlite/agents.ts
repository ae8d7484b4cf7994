import type { DatabaseSync } from 'node:sqlite';
import { laneOf } from '../../outbox/delivery.ts';
import type {
  Agent,
  AgentFilter,
  AgentStatus,
  AgentStore,
  LeaseHolder,
  Page,
  StoredTask,
} from '../store.ts';
import type { GroupCommit } from './group-commit.ts';
import type { InsertDelivery } from './insert-delivery.ts';

/** Agents kept in memory, so that accepting a task reads nothing; about 1 KiB each. */
const CACHE_SIZE = 10_000;

/** The agents of the one process that writes the file, so a cached one is always the current one. */
export class AgentCache {
  readonly #agents = new Map<string, Agent>();
  readonly #select;

  constructor(db: DatabaseSync) {
    this.#select = db.prepare('SELECT * FROM agents WHERE agent_id = ?');
  }

  get(agentId: string): Agent | undefined {
    const cached = this.#agents.get(agentId);
    if (cached !== undefined) return cached;
    const row = this.#select.get(agentId);
    if (row === undefined) return undefined;
    const agent = toAgent(row);
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

export function createAgentStore(
  db: DatabaseSync,
  commit: GroupCommit,
  cache: AgentCache,
  insertDelivery: InsertDelivery,
): AgentStore {
  const selectByName = db.prepare('SELECT * FROM agents WHERE agent_name = ?');
  const insert = db.prepare(`
    INSERT INTO agents (agent_id, agent_name, version, contact_endpoint, capabilities, metadata, signing_secret,
      status, registered_at, updated_at, last_seen_at)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`);
  const update = db.prepare(`
    UPDATE agents
    SET version = ?, contact_endpoint = ?, capabilities = ?, metadata = ?, updated_at = ?, last_seen_at = ?
    WHERE agent_id = ?`);
  const touch = db.prepare(
    'UPDATE agents SET last_seen_at = max(last_seen_at, ?) WHERE agent_id = ?',
  );
  const markDeregistering = db.prepare(
    "UPDATE agents SET status = 'deregistering' WHERE agent_id = ?",
  );
  const remove = db.prepare('DELETE FROM agents WHERE agent_id = ?');
  const list = db.prepare(`
    SELECT * FROM agents
    WHERE agent_id > :after
      AND (:name IS NULL OR agent_name = :name)
      AND (:version IS NULL OR version = :version)
      AND (:status IS NULL OR status = :status)
      AND NOT EXISTS (SELECT 1 FROM json_each(:capabilities) AS wanted
        WHERE wanted.value NOT IN (SELECT value FROM json_each(agents.capabilities)))
    ORDER BY agent_id LIMIT :limit`);
  const listDeregistering = db.prepare(
    "SELECT agent_id FROM agents WHERE status = 'deregistering' ORDER BY agent_id",
  );
  const waitingTasks = db.prepare(`
    SELECT d.seq, d.id, d.lease_owner, d.attempt_count, d.last_error, p.body
    FROM deliveries d JOIN payloads p ON p.seq = d.seq
    WHERE d.lane = ? AND d.state = 'scheduled'
    ORDER BY d.due_at`);
  const cancelTask = db.prepare(`
    UPDATE deliveries
    SET state = 'cancelled', finished_at = ?, last_error = 'agent_deregistered', lease_owner = NULL
    WHERE seq = ?`);

  /** Read to the end before anything is written: SQLite leaves it open what a cursor sees of rows changed under it. */
  function waitingOf(agentId: string, limit: number, holder: LeaseHolder | undefined): Row[] {
    const waiting: Row[] = [];
    for (const row of waitingTasks.iterate(laneOf('task', agentId))) {
      const heldBack =
        row['lease_owner'] === holder?.owner && holder?.isSent(row['id'] as string) === false;
      if (row['lease_owner'] === null || heldBack) waiting.push(row);
      if (waiting.length === limit) break;
    }
    return waiting;
  }

  function insertAgent(agent: Agent): void {
    insert.run(
      agent.agentId,
      agent.agentName,
      agent.version,
      agent.contactEndpoint,
      JSON.stringify(agent.capabilities),
      JSON.stringify(agent.metadata),
      agent.signingSecret,
      agent.status,
      agent.registeredAt,
      agent.updatedAt,
      agent.lastSeenAt,
    );
  }

  return {
    insert: (agent, webhook) =>
      commit.run(() => {
        if (selectByName.get(agent.agentName) !== undefined) return 'name_taken';
        insertAgent(agent);
        if (webhook !== undefined) insertDelivery(webhook);
        return 'inserted';
      }),

    upsert: (agent, webhookOf) =>
      commit.run(() => {
        const row = selectByName.get(agent.agentName);
        if (row === undefined) {
          insertAgent(agent);
          const webhook = webhookOf(agent);
          if (webhook !== undefined) insertDelivery(webhook);
          return { agent, created: true };
        }
        const before = toAgent(row);
        if (before.status === 'deregistering') return undefined;
        const changed = !sameRegistration(before, agent);
        const after: Agent = {
          ...agent,
          agentId: before.agentId,
          signingSecret: before.signingSecret,
          registeredAt: before.registeredAt,
          updatedAt: changed ? agent.updatedAt : before.updatedAt,
        };
        update.run(
          after.version,
          after.contactEndpoint,
          JSON.stringify(after.capabilities),
          JSON.stringify(after.metadata),
          after.updatedAt,
          after.lastSeenAt,
          after.agentId,
        );
        cache.forget(after.agentId);
        const webhook = changed ? webhookOf(after) : undefined;
        if (webhook !== undefined) insertDelivery(webhook);
        return { agent: after, created: false };
      }),

    get: async (agentId) => cache.get(agentId),

    list: async (filter, page) => listAgents(filter, page),

    touch: (agentId, at) =>
      commit.run(() => {
        touch.run(at, agentId);
        cache.forget(agentId);
        return cache.get(agentId);
      }),

    remove: (agentId, plan) =>
      commit.run(() => {
        const agent = cache.get(agentId);
        if (agent === undefined) return undefined;
        cache.forget(agentId);
        const rows = waitingOf(agentId, plan.limit, plan.holder);
        for (const row of rows) {
          cancelTask.run(plan.at, row['seq'] as number);
          const report = plan.reportOf(toStoredTask(agentId, row));
          if (report !== undefined) insertDelivery(report);
        }
        if (rows.length === plan.limit) {
          markDeregistering.run(agentId);
          return { agent: { ...agent, status: 'deregistering' }, done: false };
        }
        remove.run(agentId);
        const webhook = plan.webhookOf(agent);
        if (webhook !== undefined) insertDelivery(webhook);
        return { agent, done: true };
      }),

    listDeregistering: async () => listDeregistering.all().map((row) => row['agent_id'] as string),
  };

  function listAgents(
    filter: AgentFilter,
    { limit, after }: { limit: number; after: string | null },
  ): Page<Agent> {
    const rows = list.all({
      after: after ?? '',
      name: filter.name ?? null,
      version: filter.version ?? null,
      status: filter.status ?? null,
      capabilities: JSON.stringify(filter.capabilities ?? []),
      limit: limit + 1,
    });
    const items = rows.slice(0, limit).map(toAgent);
    return { items, next: rows.length > limit ? (items.at(-1)?.agentId ?? null) : null };
  }
}

function sameRegistration(a: Agent, b: Agent): boolean {
  return (
    a.version === b.version &&
    a.contactEndpoint === b.contactEndpoint &&
    JSON.stringify(a.capabilities) === JSON.stringify(b.capabilities) &&
    JSON.stringify(a.metadata) === JSON.stringify(b.metadata)
  );
}

type Row = Record<string, unknown>;

function toAgent(row: Row): Agent {
  return {
    agentId: row['agent_id'] as string,
    agentName: row['agent_name'] as string,
    version: row['version'] as string,
    contactEndpoint: row['contact_endpoint'] as string,
    capabilities: JSON.parse(row['capabilities'] as string) as string[],
    metadata: JSON.parse(row['metadata'] as string) as Record<string, unknown>,
    signingSecret: row['signing_secret'] as string,
    status: row['status'] as AgentStatus,
    registeredAt: row['registered_at'] as number,
    updatedAt: row['updated_at'] as number,
    lastSeenAt: row['last_seen_at'] as number,
  };
}

function toStoredTask(agentId: string, row: Row): StoredTask {
  return {
    id: row['id'] as string,
    agentId,
    attemptCount: row['attempt_count'] as number,
    lastError: row['last_error'] as string | null,
    body: row['body'] as Uint8Array,
  };
}
