import type { SecretBox } from '../secret-box.ts';
import type { AgentStore } from '../store.ts';
import type { AgentCache } from './agent-cache.ts';
import { createAgentChange } from './agent-change.ts';
import { createAgentEvents } from './agent-events.ts';
import { createAgentList } from './agent-list.ts';
import { createAgentRemoval } from './agent-removal.ts';
import { sql, type Database, type Row } from './database.ts';
import type { LaneDepths } from './depths.ts';
import { createHeartbeats } from './heartbeats.ts';
import type { Tell } from './hints.ts';

export interface AgentStoreDeps {
  readonly db: Database;
  readonly box: SecretBox;
  readonly cache: AgentCache;
  readonly depths: LaneDepths;
  readonly tell: Tell;
}

const byToken = sql(
  'agents_by_token',
  `SELECT agent_id FROM agents WHERE token_hash = $1
  UNION ALL SELECT agent_id FROM agents WHERE previous_token_hash = $1 AND previous_token_until > $2
  LIMIT 1`,
);
const expired = sql(
  'agents_expired',
  `SELECT agent_id FROM agents
  WHERE lease_expires_at <= $1 AND lease_expires_at IS NOT NULL AND offline_at IS NULL
  ORDER BY lease_expires_at LIMIT $2`,
);
const offline = sql(
  'agents_offline_since',
  'SELECT agent_id FROM agents WHERE offline_at <= $1 ORDER BY offline_at LIMIT $2',
);
const nextExpiry = sql(
  'agents_next_expiry',
  `SELECT least(
    (SELECT min(lease_expires_at) FROM agents WHERE lease_expires_at IS NOT NULL AND offline_at IS NULL),
    (SELECT min(offline_at) FROM agents WHERE offline_at IS NOT NULL) + $1) AS at`,
);
/** A lease that began so shortly after the grace was renewed meanwhile by a heartbeat: it has its full period. */
const RENEWED_MS = 60_000;

// LIMIT stands inside materialised CTEs: a plan that runs it twice would lock and change other rows each time.
const graceForLeases = sql(
  'agents_grace_leases',
  `WITH e AS MATERIALIZED (SELECT agent_id FROM agents
    WHERE lease_expires_at IS NOT NULL AND offline_at IS NULL
      AND lease_expires_at - lease_seconds * 1000 NOT BETWEEN $1::bigint AND $1::bigint + ${RENEWED_MS}
    ORDER BY agent_id LIMIT $2 FOR NO KEY UPDATE)
  UPDATE agents a SET lease_expires_at = $1::bigint + a.lease_seconds * 1000
  FROM e WHERE a.agent_id = e.agent_id RETURNING a.agent_id`,
);
const graceForOffline = sql(
  'agents_grace_offline',
  `WITH o AS MATERIALIZED (SELECT agent_id FROM agents WHERE offline_at IS NOT NULL AND offline_at <> $1
    ORDER BY agent_id LIMIT $2 FOR NO KEY UPDATE)
  UPDATE agents a SET offline_at = $1
  FROM o WHERE a.agent_id = o.agent_id RETURNING a.agent_id`,
);

export function createAgentStore(deps: AgentStoreDeps) {
  const { db, cache, box } = deps;
  const changes = createAgentChange(deps);
  const heartbeats = createHeartbeats(deps);

  const agents: AgentStore = {
    change: async (ref, plan) => (await changes.run({ ref, plan })) as never,
    get: (agentId) => cache.get(agentId),
    list: createAgentList(db, box),
    findByTokenHash: async (hash, now) => (await db.read(byToken, [hash, now])).map(idOf)[0],
    heartbeat: (agentId, at) => heartbeats.run({ agentId, at }),
    listExpired: async (now, limit) => (await db.read(expired, [now, limit])).map(idOf),
    listOfflineSince: async (before, limit) => (await db.read(offline, [before, limit])).map(idOf),
    nextExpiryAt: async (offlineMs) => {
      const [row] = await db.read(nextExpiry, [offlineMs]);
      return row?.['at'] as number | null;
    },
    grantGrace: async (now, limit) => {
      const [leases, absences] = await db.transaction((tx) =>
        tx.commit(tx.query(graceForLeases, [now, limit]), tx.query(graceForOffline, [now, limit])),
      );
      const extended = [...leases, ...absences];
      for (const row of extended) cache.forget(idOf(row));
      return extended.length;
    },
    ...createAgentEvents(db),
    ...createAgentRemoval(deps),
  };
  return {
    agents,
    drained: async () => {
      await changes.drained();
      await heartbeats.drained();
    },
  };
}

function idOf(row: Row): string {
  return row['agent_id'] as string;
}
