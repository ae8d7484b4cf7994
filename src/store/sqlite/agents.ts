import type { DatabaseSync } from 'node:sqlite';
import { laneOf } from '../../outbox/delivery.ts';
import type { SecretBox } from '../secret-box.ts';
import type { Agent, AgentChange, AgentStore, AgentToken } from '../store.ts';
import type { AgentCache } from './agent-cache.ts';
import { createAgentEvents } from './agent-events.ts';
import { createAgentList } from './agent-list.ts';
import { createAgentRemoval } from './agent-removal.ts';
import { PAUSED_AT, tagsOf, toAgent, toBindings } from '../agent-rows.ts';
import type { DepthChanges } from './depths.ts';
import type { Failures } from './failures.ts';
import type { GroupCommit } from './group-commit.ts';
import type { InsertDelivery } from './insert-delivery.ts';
import type { Lanes } from './lanes.ts';

export interface AgentStoreDeps {
  readonly db: DatabaseSync;
  readonly commit: GroupCommit;
  readonly cache: AgentCache;
  readonly box: SecretBox;
  readonly lanes: Lanes;
  readonly depths: DepthChanges;
  readonly insertDelivery: InsertDelivery;
  readonly failures: Failures;
}

const WRITTEN = [
  'agent_name',
  'version',
  'contact_endpoint',
  'capabilities',
  'metadata',
  'signing_secret',
  'previous_secret',
  'previous_secret_until',
  'previous_secret_hex_until',
  'owner',
  'status',
  'registered_at',
  'updated_at',
  'last_seen_at',
  'lease_seconds',
  'lease_expires_at',
  'offline_at',
  'unreachable_at',
  'revision',
] as const;

/** A lease that began so shortly after the grace was renewed meanwhile by a heartbeat: it has its full period. */
const RENEWED_MS = 60_000;

export function createAgentStore(deps: AgentStoreDeps): AgentStore {
  const { db, commit, cache, box, lanes, insertDelivery } = deps;
  const events = createAgentEvents(db);
  const list = createAgentList(db, box);
  const remove = createAgentRemoval(deps, events);

  const selectByName = db.prepare(
    `SELECT a.*, ${PAUSED_AT} FROM agents AS a WHERE a.agent_name = ?`,
  );
  const insert = db.prepare(`
    INSERT INTO agents (agent_id, token_hash, ${WRITTEN.join(', ')})
    VALUES (:agent_id, :token_hash, ${WRITTEN.map((column) => `:${column}`).join(', ')})`);
  const update = db.prepare(`
    UPDATE agents SET ${WRITTEN.map((column) => `${column} = :${column}`).join(', ')}
    WHERE agent_id = :agent_id`);
  const updateToken = db.prepare(`
    UPDATE agents
    SET previous_token_hash = token_hash, previous_token_until = ?, token_hash = ?
    WHERE agent_id = ?`);
  const selectByToken = db.prepare('SELECT agent_id FROM agents WHERE token_hash = ?');
  const selectByPreviousToken = db.prepare(
    'SELECT agent_id FROM agents WHERE previous_token_hash = ? AND previous_token_until > ?',
  );
  const insertTag = db.prepare('INSERT INTO agent_tags (tag, agent_id) VALUES (?, ?)');
  const deleteTag = db.prepare('DELETE FROM agent_tags WHERE tag = ? AND agent_id = ?');
  const heartbeat = db.prepare(`
    UPDATE agents
    SET last_seen_at = max(last_seen_at, :at), lease_expires_at = :at + lease_seconds * 1000
    WHERE agent_id = :agentId AND offline_at IS NULL`);
  const expired = db.prepare(`
    SELECT agent_id FROM agents
    WHERE lease_expires_at <= ? AND lease_expires_at IS NOT NULL AND offline_at IS NULL
    ORDER BY lease_expires_at LIMIT ?`);
  const offline = db.prepare(
    'SELECT agent_id FROM agents WHERE offline_at <= ? ORDER BY offline_at LIMIT ?',
  );
  const nextExpiry = db.prepare(`
    SELECT min(at) AS at FROM (
      SELECT min(lease_expires_at) AS at FROM agents WHERE lease_expires_at IS NOT NULL AND offline_at IS NULL
      UNION ALL SELECT min(offline_at) + ? FROM agents WHERE offline_at IS NOT NULL)`);
  const graceForLeases = db.prepare(`
    UPDATE agents SET lease_expires_at = :now + lease_seconds * 1000
    WHERE agent_id IN (SELECT agent_id FROM agents
      WHERE lease_expires_at IS NOT NULL AND offline_at IS NULL
        AND lease_expires_at - lease_seconds * 1000 NOT BETWEEN :now AND :now + ${RENEWED_MS}
      LIMIT :limit)
    RETURNING agent_id`);
  const graceForOffline = db.prepare(`
    UPDATE agents SET offline_at = :now
    WHERE agent_id IN (SELECT agent_id FROM agents
      WHERE offline_at IS NOT NULL AND offline_at <> :now LIMIT :limit)
    RETURNING agent_id`);

  function writeTags(agentId: string, before: ReadonlySet<string>, after: ReadonlySet<string>) {
    for (const tag of before) if (!after.has(tag)) deleteTag.run(tag, agentId);
    for (const tag of after) if (!before.has(tag)) insertTag.run(tag, agentId);
  }

  function write(agent: Agent, stored: Agent | undefined, token: AgentToken | undefined): void {
    const { agent_id, ...rest } = toBindings(agent, box);
    if (stored === undefined) {
      if (token === undefined) throw new Error('an agent is inserted with a token');
      insert.run({ agent_id, token_hash: token.hash, ...rest });
    } else {
      update.run({ agent_id, ...rest });
      if (token !== undefined) updateToken.run(token.previousUntil, token.hash, agent_id);
    }
    writeTags(agent_id, stored === undefined ? new Set() : tagsOf(stored), tagsOf(agent));
  }

  function apply<T>(stored: Agent | undefined, change: AgentChange<T>) {
    const { result, write: agent, event, token, webhook, holdUntil } = change;
    if (agent === undefined) return { agent: stored, result };
    const revision =
      event === undefined ? agent.revision : events.add(event, agent.updatedAt, agent);
    const written = { ...agent, revision };
    write(written, stored, token);
    cache.forget(agent.agentId);
    if (webhook !== undefined) insertDelivery(webhook);
    const lane = laneOf('task', agent.agentId);
    if (holdUntil === 0) lanes.release(lane, agent.lastSeenAt);
    else if (holdUntil !== undefined) lanes.hold(lane, holdUntil);
    if (written.pausedAt !== (stored?.pausedAt ?? null)) {
      if (written.pausedAt === null) lanes.resume(lane, written.updatedAt);
      else lanes.pause(lane, written.pausedAt);
    }
    return { agent: written, result };
  }

  return {
    change: async (ref, plan) => {
      const outcome = await commit.run(() => {
        const stored = 'agentId' in ref ? cache.get(ref.agentId) : byName(ref.agentName);
        // A plan that refuses has written nothing: its neighbours in the transaction need not suffer for it.
        const refused = attempt(() => plan(stored));
        return 'error' in refused ? refused : { value: apply(stored, refused.value) };
      });
      if ('error' in outcome) throw outcome.error;
      return outcome.value;
    },
    get: async (agentId) => cache.get(agentId),
    list: async (filter, page) => list(filter, page),
    findByTokenHash: async (hash, now) => {
      const row = selectByToken.get(hash) ?? selectByPreviousToken.get(hash, now);
      return row?.['agent_id'] as string | undefined;
    },
    heartbeat: (agentId, at) =>
      commit.run(() => {
        if (heartbeat.run({ agentId, at }).changes === 0) {
          return cache.get(agentId) === undefined ? 'not_found' : 'offline';
        }
        cache.forget(agentId);
        return cache.get(agentId) ?? 'not_found';
      }),
    listExpired: async (now, limit) => expired.all(now, limit).map(idOf),
    listOfflineSince: async (at, limit) => offline.all(at, limit).map(idOf),
    nextExpiryAt: async (offlineMs) => nextExpiry.get(offlineMs)?.['at'] as number | null,
    grantGrace: (now, limit) =>
      commit.run(() => {
        const extended = [
          ...graceForLeases.all({ now, limit }),
          ...graceForOffline.all({ now, limit }),
        ];
        for (const row of extended) cache.forget(idOf(row));
        return extended.length;
      }),
    listEvents: async (since, limit) => events.list(since, limit),
    lastEvent: async () => events.lastSeq(),
    pruneEvents: (before, limit) => commit.run(() => events.prune(before, limit)),
    ...remove,
  };

  function byName(agentName: string): Agent | undefined {
    const row = selectByName.get(agentName);
    return row === undefined ? undefined : toAgent(row, box);
  }
}

function idOf(row: Record<string, unknown>): string {
  return row['agent_id'] as string;
}

function attempt<T>(work: () => T): { value: T } | { error: Error } {
  try {
    return { value: work() };
  } catch (error) {
    return { error: error as Error };
  }
}
