import type { DatabaseSync } from 'node:sqlite';
import { laneOf } from '../../outbox/delivery.ts';
import type { SecretBox } from '../secret-box.ts';
import type {
  Agent,
  AgentFilter,
  AgentStore,
  AgentToken,
  LeaseHolder,
  Page,
  StoredTask,
} from '../store.ts';
import { toAgent, type AgentCache } from './agent-cache.ts';
import type { LaneDepths } from './depths.ts';
import type { GroupCommit } from './group-commit.ts';
import type { InsertDelivery } from './insert-delivery.ts';

export function createAgentStore(
  db: DatabaseSync,
  commit: GroupCommit,
  cache: AgentCache,
  box: SecretBox,
  depths: LaneDepths,
  insertDelivery: InsertDelivery,
): AgentStore {
  const selectByName = db.prepare('SELECT * FROM agents WHERE agent_name = ?');
  const insert = db.prepare(`
    INSERT INTO agents (agent_id, agent_name, version, contact_endpoint, capabilities, metadata, signing_secret,
      token_hash, owner, status, registered_at, updated_at, last_seen_at)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`);
  const update = db.prepare(`
    UPDATE agents
    SET version = ?, contact_endpoint = ?, capabilities = ?, metadata = ?, updated_at = ?, last_seen_at = ?
    WHERE agent_id = ?`);
  const updateToken = db.prepare(`
    UPDATE agents
    SET previous_token_hash = token_hash, previous_token_until = ?, token_hash = ?
    WHERE agent_id = ?`);
  const selectByToken = db.prepare('SELECT agent_id FROM agents WHERE token_hash = ?');
  const selectByPreviousToken = db.prepare(
    'SELECT agent_id FROM agents WHERE previous_token_hash = ? AND previous_token_until > ?',
  );
  const rotateSecret = db.prepare(`
    UPDATE agents
    SET previous_secret = signing_secret, previous_secret_until = ?, previous_secret_hex_until = ?, signing_secret = ?
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
  function waitingOf(lane: string, limit: number, holder: LeaseHolder | undefined): Row[] {
    const waiting: Row[] = [];
    for (const row of waitingTasks.iterate(lane)) {
      const heldBack =
        row['lease_owner'] === holder?.owner && holder?.isSent(row['id'] as string) === false;
      if (row['lease_owner'] === null || heldBack) waiting.push(row);
      if (waiting.length === limit) break;
    }
    return waiting;
  }

  function insertAgent(agent: Agent, token: AgentToken): void {
    insert.run(
      agent.agentId,
      agent.agentName,
      agent.version,
      agent.contactEndpoint,
      JSON.stringify(agent.capabilities),
      JSON.stringify(agent.metadata),
      box.seal(agent.signingSecret),
      token.hash,
      agent.owner,
      agent.status,
      agent.registeredAt,
      agent.updatedAt,
      agent.lastSeenAt,
    );
  }

  return {
    insert: (agent, token, webhook) =>
      commit.run(() => {
        if (selectByName.get(agent.agentName) !== undefined) return 'name_taken';
        insertAgent(agent, token);
        if (webhook !== undefined) insertDelivery(webhook);
        return 'inserted';
      }),

    upsert: (agent, token, plan) =>
      commit.run(() => {
        const row = selectByName.get(agent.agentName);
        if (row === undefined) {
          if (token === undefined) return { outcome: 'forbidden' };
          insertAgent(agent, token);
          const webhook = plan.webhookOf(agent);
          if (webhook !== undefined) insertDelivery(webhook);
          return { outcome: 'created', agent };
        }
        const before = toAgent(row, box);
        if (!plan.mayUpdate(before)) return { outcome: 'forbidden' };
        if (before.status === 'deregistering') return { outcome: 'deregistering' };
        const changed = !sameRegistration(before, agent);
        const after: Agent = {
          ...before,
          version: agent.version,
          contactEndpoint: agent.contactEndpoint,
          capabilities: agent.capabilities,
          metadata: agent.metadata,
          updatedAt: changed ? agent.updatedAt : before.updatedAt,
          lastSeenAt: agent.lastSeenAt,
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
        if (token !== undefined) updateToken.run(token.previousUntil, token.hash, after.agentId);
        cache.forget(after.agentId);
        const webhook = changed ? plan.webhookOf(after) : undefined;
        if (webhook !== undefined) insertDelivery(webhook);
        return { outcome: 'updated', agent: after };
      }),

    findByTokenHash: async (hash, now) => {
      const row = selectByToken.get(hash) ?? selectByPreviousToken.get(hash, now);
      return row?.['agent_id'] as string | undefined;
    },

    rotateSecret: (agentId, { secret, previousUntil, hexUntil }) =>
      commit.run(() => {
        rotateSecret.run(previousUntil, hexUntil, box.seal(secret), agentId);
        cache.forget(agentId);
        return cache.get(agentId);
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
        const lane = laneOf('task', agentId);
        const rows = waitingOf(lane, plan.limit, plan.holder);
        for (const row of rows) {
          cancelTask.run(plan.at, row['seq'] as number);
          depths.add(lane, -1);
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
    const items = rows.slice(0, limit).map((row) => toAgent(row, box));
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

function toStoredTask(agentId: string, row: Row): StoredTask {
  return {
    id: row['id'] as string,
    agentId,
    attemptCount: row['attempt_count'] as number,
    lastError: row['last_error'] as string | null,
    body: row['body'] as Uint8Array,
  };
}
