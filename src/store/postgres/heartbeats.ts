import { PAUSED_AT, toAgent } from '../agent-rows.ts';
import type { Agent, AgentStore } from '../store.ts';
import type { AgentStoreDeps } from './agents.ts';
import { bigintArray, textArray } from './arrays.ts';
import { Batcher, type Outcome } from './batcher.ts';
import { sql } from './database.ts';

// Rows are locked in the order of the array. (Locking them first by FOR NO KEY UPDATE in the same statement deadlocks with
// those who wait for them, PostgreSQL 18.4: the update asks for the tuple lock anew that the waiter has.)
const beat = sql(
  'heartbeats',
  `UPDATE agents a
  SET last_seen_at = greatest(a.last_seen_at, u.at), lease_expires_at = u.at + a.lease_seconds * 1000
  FROM unnest($1::text[], $2::bigint[]) AS u (agent_id, at)
  WHERE a.agent_id = u.agent_id AND a.offline_at IS NULL
  RETURNING a.*, ${PAUSED_AT}`,
);

const exists = sql(
  'heartbeats_missing',
  'SELECT agent_id FROM agents WHERE agent_id = ANY($1::text[])',
);

const MAX_HEARTBEATS = 500;

interface Heartbeat {
  readonly agentId: string;
  readonly at: number;
}

/** Heartbeats that arrive together are one statement. */
export function createHeartbeats(
  deps: AgentStoreDeps,
): Batcher<Heartbeat, Awaited<ReturnType<AgentStore['heartbeat']>>> {
  return new Batcher((beats) => beatAll(deps, beats), {
    maxJobs: MAX_HEARTBEATS,
    keyOf: ({ agentId }) => agentId,
  });
}

async function beatAll(
  { db, box, cache }: AgentStoreDeps,
  beats: readonly Heartbeat[],
): Promise<Outcome<Agent | 'offline' | 'not_found'>[]> {
  const sorted = [...beats].sort((a, b) => (a.agentId < b.agentId ? -1 : 1));
  const rows = await db.write(beat, [
    textArray(sorted.map(({ agentId }) => agentId)),
    bigintArray(sorted.map(({ at }) => at)),
  ]);
  const renewed = new Map(rows.map((row) => [row['agent_id'] as string, toAgent(row, box)]));
  const missed = beats.map(({ agentId }) => agentId).filter((agentId) => !renewed.has(agentId));
  const there = new Set(
    missed.length === 0
      ? []
      : (await db.read(exists, [textArray(missed)])).map((row) => row['agent_id'] as string),
  );
  return beats.map(({ agentId }) => {
    cache.forget(agentId);
    const agent = renewed.get(agentId);
    return { value: agent ?? (there.has(agentId) ? 'offline' : 'not_found') };
  });
}
