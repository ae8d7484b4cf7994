import type { DatabaseSync } from 'node:sqlite';
import type { Agent, AgentEvent, AgentEventType } from '../store.ts';
import { toAgentEvent } from '../agent-rows.ts';

/** The log of what happened to agents. */
export function createAgentEvents(db: DatabaseSync) {
  const insert = db.prepare(
    'INSERT INTO agent_events (type, at, agent_id, agent) VALUES (?, ?, ?, ?)',
  );
  const list = db.prepare('SELECT * FROM agent_events WHERE seq > ? ORDER BY seq LIMIT ?');
  const oldest = db.prepare('SELECT min(seq) AS seq FROM agent_events');
  // sqlite_sequence and not max(seq): the last event may have been pruned, and a seq is never used twice.
  const last = db.prepare("SELECT seq FROM sqlite_sequence WHERE name = 'agent_events'");
  const scan = db.prepare('SELECT seq, at FROM agent_events ORDER BY seq LIMIT ?');
  const prune = db.prepare('DELETE FROM agent_events WHERE seq <= ?');

  function lastSeq(): number {
    return (last.get()?.['seq'] as number | undefined) ?? 0;
  }

  return {
    lastSeq,
    /** Notes an event; returns its seq, which becomes the agent's revision. */
    add(type: AgentEventType, at: number, agent: Agent): number {
      const snapshot = type === 'deregistered' ? null : JSON.stringify(withoutSecrets(agent));
      return Number(insert.run(type, at, agent.agentId, snapshot).lastInsertRowid);
    },
    list(since: number, limit: number): readonly AgentEvent[] | 'expired' {
      const last = lastSeq();
      const first = (oldest.get()?.['seq'] as number | null) ?? last + 1;
      // A position that we never gave is of another database: what happened in this one must not be passed over.
      if (since + 1 < first || since > last) return 'expired';
      return list.all(since, limit).map(toAgentEvent);
    },
    /** Only what is older than all that is kept: a gap would not be noticed. It looks at no more than `limit` rows. */
    prune(before: number, limit: number): number {
      const rows = scan.all(limit);
      const kept = rows.findIndex((row) => (row['at'] as number) >= before);
      const last = (kept === -1 ? rows : rows.slice(0, kept)).at(-1);
      return last === undefined ? 0 : Number(prune.run(last['seq'] as number).changes);
    },
  };
}

export type AgentEvents = ReturnType<typeof createAgentEvents>;

/** Secrets have no place in a log: neither open nor sealed. */
function withoutSecrets(agent: Agent): Agent {
  return { ...agent, signingSecret: '', previousSecret: null };
}
