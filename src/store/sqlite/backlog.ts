import type { DatabaseSync } from 'node:sqlite';
import { backlogOf, type Counted } from '../backlog.ts';
import type { AgentStatus, Store } from '../store.ts';

/** Where more is pending than is counted: lanes whose longest due delivery is looked at besides. */
const LANES = 200;

const SCHEDULED = "deliveries INDEXED BY deliveries_due WHERE state = 'scheduled'";

/**
 * Counts by the partial indexes, each up to the bound, on the event loop: so the bound is what it costs (some 3 ms for
 * 2,000, with 1,000,000 waiting). No index has what is scheduled by its age, which each task would pay for; the entries
 * that are counted say which is the oldest.
 */
export function createBacklog(db: DatabaseSync): Store['backlog'] {
  // ';' follows ':' in ASCII.
  const tasks = db.prepare(`
    SELECT 'task' AS kind, count(*) AS counted, min(seq) AS first FROM (
      SELECT seq FROM ${SCHEDULED} AND lane >= 'task:' AND lane < 'task;' LIMIT ?)`);
  const opscore = db.prepare(`
    SELECT kind, count(*) AS counted, min(seq) AS first FROM (
      SELECT kind, seq FROM ${SCHEDULED} AND lane < 'task:'
      UNION ALL SELECT kind, seq FROM ${SCHEDULED} AND lane >= 'task;' LIMIT ?) GROUP BY kind`);
  const heads = db.prepare(`
    SELECT min(seq) AS first FROM (
      SELECT (SELECT seq FROM ${SCHEDULED} AND lane = l.lane ORDER BY due_at LIMIT 1) AS seq
      FROM lanes AS l WHERE l.lane >= 'task:' AND l.lane < 'task;' LIMIT ${LANES})`);
  const createdAt = db.prepare('SELECT created_at FROM deliveries WHERE seq = ?');
  const dead = db.prepare(`
    SELECT d.kind, count(*) AS counted FROM (
      SELECT seq FROM failures WHERE state = 'dead' ORDER BY seq DESC LIMIT ?) AS f
    CROSS JOIN deliveries AS d ON d.seq = f.seq GROUP BY d.kind`);
  const agents = db.prepare(`
    SELECT count(*) AS counted FROM (SELECT 1 FROM agents WHERE status = ? LIMIT ?)`);
  const paused = db.prepare(`
    SELECT count(*) AS counted FROM (SELECT 1 FROM lanes WHERE paused_at IS NOT NULL LIMIT ?)`);

  function withAge({ kind, counted, first }: Row, limit: number): Counted {
    const seqs = [first];
    if (kind === 'task' && counted > limit) seqs.push((heads.get() as { first: number }).first);
    const seq = Math.min(...seqs.filter((one) => one !== null));
    const oldest = createdAt.get(seq)?.['created_at'] as number | undefined;
    return { kind, counted, oldest: oldest ?? null };
  }

  return async (limit) => {
    const most = limit + 1;
    const count = (status: AgentStatus) => agents.get(status, most)?.['counted'] as number;
    return backlogOf(limit, {
      pending: [...tasks.all(most), ...opscore.all(most)].map((row) =>
        withAge(row as never, limit),
      ),
      dead: dead.all(most) as unknown as Counted[],
      agents: {
        online: count('online'),
        unreachable: count('unreachable'),
        offline: count('offline'),
        deregistering: count('deregistering'),
      },
      paused: paused.get(most)?.['counted'] as number,
    });
  };
}

type Row = Counted & { readonly first: number | null };
