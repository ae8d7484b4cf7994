import { toAgentEvent } from '../agent-rows.ts';
import type { Agent, AgentEventType, AgentStore } from '../store.ts';
import { bigintArray, textArray } from './arrays.ts';
import { sql, type Database, type Row, type Transaction } from './database.ts';

// Updating the counter locks it until the commit: transactions with events follow one another, and events become
// visible in the order of their seq. It is the last but the lanes to be locked, so it is held for one fsync; group
// commit puts as many changes into it as wait for it.
const count = sql('events_count', 'UPDATE event_counter SET last = last + $1 RETURNING last');

const insert = sql(
  'events_insert',
  `INSERT INTO agent_events (seq, type, at, agent_id, agent)
  SELECT (SELECT last FROM event_counter) - cardinality($1::text[]) + place, type, at, agent_id, agent
  FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[]) WITH ORDINALITY AS u (type, at, agent_id, agent, place)`,
);

const list = sql(
  'events_list',
  `SELECT o.first, o.last, e.* FROM (
      SELECT coalesce((SELECT min(seq) FROM agent_events), c.last + 1) AS first, c.last FROM event_counter c) o
  LEFT JOIN LATERAL (SELECT * FROM agent_events WHERE seq > $1 ORDER BY seq LIMIT $2) e ON true`,
);

const last = sql('events_last', 'SELECT last FROM event_counter');

// Only what is older than all that is kept: a gap would not be noticed. It looks at no more than the limit.
const prune = sql(
  'events_prune',
  `DELETE FROM agent_events WHERE seq IN (
    SELECT seq FROM (
      SELECT seq, bool_or(at >= $1) OVER (ORDER BY seq) AS kept
      FROM (SELECT seq, at FROM agent_events ORDER BY seq LIMIT $2) o) x
    WHERE NOT kept)
  RETURNING seq`,
);

export interface NewEvent {
  readonly type: AgentEventType;
  readonly at: number;
  readonly agent: Agent;
}

/** Takes the numbers for `events`; the last of them is what the row says. Before what needs them. */
export function countEvents(tx: Transaction, events: readonly NewEvent[]): Promise<Row[]>[] {
  return events.length === 0 ? [] : [tx.query(count, [events.length])];
}

export function insertEvents(tx: Transaction, events: readonly NewEvent[]): Promise<Row[]>[] {
  if (events.length === 0) return [];
  return [
    tx.query(insert, [
      textArray(events.map(({ type }) => type)),
      bigintArray(events.map(({ at }) => at)),
      textArray(events.map(({ agent }) => agent.agentId)),
      textArray(events.map(snapshotOf)),
    ]),
  ];
}

/** Secrets have no place in a log: neither open nor sealed. */
function snapshotOf({ type, agent }: NewEvent): string | null {
  if (type === 'deregistered') return null;
  return JSON.stringify({ ...agent, signingSecret: '', previousSecret: null });
}

export function createAgentEvents(
  db: Database,
): Pick<AgentStore, 'listEvents' | 'lastEvent' | 'pruneEvents'> {
  return {
    listEvents: async (since, limit) => {
      const rows = await db.read(list, [since, limit]);
      const { first, last: newest } = rows[0] as { first: number; last: number };
      // A position that we never gave is of another database: what happened in this one must not be passed over.
      if (since + 1 < first || since > newest) return 'expired';
      return rows.filter((row) => row['seq'] !== null).map(toAgentEvent);
    },
    lastEvent: async () => (await db.read(last))[0]?.['last'] as number,
    pruneEvents: async (before, limit) => (await db.write(prune, [before, limit])).length,
  };
}
