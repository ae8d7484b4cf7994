import { toAgent } from '../agent-rows.ts';
import type { Agent, AgentStore } from '../store.ts';
import type { AgentStoreDeps } from './agents.ts';
import { bigintArray, textArray } from './arrays.ts';
import { Batcher, type Outcome } from './batcher.ts';
import { sql } from './database.ts';

const beat = sql(
  'heartbeats',
  `WITH alive AS MATERIALIZED (
    SELECT a.agent_id, u.at FROM unnest($1::text[], $2::bigint[]) AS u (agent_id, at)
    JOIN agents a ON a.agent_id = u.agent_id WHERE a.offline_at IS NULL
    ORDER BY a.agent_id FOR NO KEY UPDATE OF a)
  UPDATE agents a
  SET last_seen_at = greatest(a.last_seen_at, u.at), lease_expires_at = u.at + a.lease_seconds * 1000
  FROM alive u WHERE a.agent_id = u.agent_id
  RETURNING a.*`,
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
  const rows = await db.write(beat, [
    textArray(beats.map(({ agentId }) => agentId)),
    bigintArray(beats.map(({ at }) => at)),
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
