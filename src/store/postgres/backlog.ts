import type { DeliveryKind } from '../../outbox/delivery.ts';
import { backlogOf, type Counted } from '../backlog.ts';
import type { AgentStatus, Store } from '../store.ts';
import { sql, type Database, type Row } from './database.ts';

// Reports may be in the lane of the webhooks: a lane does not tell the kind. OFFSET 0 keeps the planner from counting first
// and bounding later.
const KIND = `CASE WHEN s.ordered THEN d.kind ELSE 'task' END AS kind, count(*)::integer AS counted,
  (SELECT o.created_at FROM deliveries o WHERE o.seq = min(s.seq)) AS oldest`;
const KIND_OF = 'LEFT JOIN deliveries d ON s.ordered AND d.seq = s.seq GROUP BY 1';

// The first of all: when there are no more, this is the whole of it.
const oldest = sql(
  'backlog_oldest',
  `SELECT ${KIND} FROM (SELECT seq, ordered FROM schedule ORDER BY seq LIMIT $1) s ${KIND_OF}`,
);
const tasks = sql(
  'backlog_tasks',
  `SELECT ${KIND} FROM (
    SELECT seq, ordered FROM schedule WHERE NOT ordered ORDER BY lane, due_at LIMIT $1) s ${KIND_OF}`,
);
const opscore = sql(
  'backlog_opscore',
  `SELECT ${KIND} FROM (
    SELECT seq, ordered FROM schedule WHERE ordered ORDER BY lane, seq LIMIT $1) s ${KIND_OF}`,
);
const dead = sql(
  'backlog_dead',
  `SELECT d.kind, count(*)::integer AS counted FROM (
    SELECT seq FROM undelivered WHERE state = 'dead' ORDER BY seq DESC LIMIT $1) u
  JOIN deliveries d ON d.seq = u.seq GROUP BY d.kind`,
);
const agents = sql(
  'backlog_agents',
  `SELECT u.status, (SELECT count(*)::integer FROM (
      SELECT FROM agents a WHERE a.status = u.status LIMIT $1) c) AS counted
  FROM unnest('{online,unreachable,offline,deregistering}'::text[]) AS u (status)
  UNION ALL SELECT 'paused', count(*)::integer FROM (
    SELECT FROM lanes WHERE paused_at IS NOT NULL LIMIT $1) p`,
);

/** Counts by the indexes, each up to the bound: so the bound is what it costs. */
export function createBacklog(db: Database): Store['backlog'] {
  async function pending(limit: number): Promise<Counted[]> {
    const first = await rowsOf(db.read(oldest, [limit + 1]));
    if (first.reduce((sum, { counted }) => sum + counted, 0) <= limit) return first;
    const [ofAgents, ofOpscore] = await Promise.all(
      [tasks, opscore].map((statement) => rowsOf(db.read(statement, [limit + 1]))),
    );
    // A kind that is not among the first of all has its oldest among those that were counted.
    return [...(ofAgents ?? []), ...(ofOpscore ?? [])].map((row) => {
      const before = first.find(({ kind }) => kind === row.kind)?.oldest ?? null;
      return before === null ? row : { ...row, oldest: Math.min(before, row.oldest ?? before) };
    });
  }

  return async (limit) => {
    const [waiting, died, counted] = await Promise.all([
      pending(limit),
      rowsOf(db.read(dead, [limit + 1])),
      db.read(agents, [limit + 1]),
    ]);
    const count = (name: AgentStatus | 'paused') =>
      counted.find(({ status }) => status === name)?.['counted'] as number;
    return backlogOf(limit, {
      pending: waiting,
      dead: died,
      agents: {
        online: count('online'),
        unreachable: count('unreachable'),
        offline: count('offline'),
        deregistering: count('deregistering'),
      },
      paused: count('paused'),
    });
  };
}

async function rowsOf(rows: Promise<Row[]>): Promise<Counted[]> {
  return (await rows).map((row) => ({
    kind: row['kind'] as DeliveryKind,
    counted: row['counted'] as number,
    oldest: (row['oldest'] ?? null) as number | null,
  }));
}
