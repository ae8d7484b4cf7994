import type { DatabaseSync } from 'node:sqlite';
import type { OutboxStore } from '../store.ts';

type PruneRequest = Parameters<OutboxStore['prune']>[0];

/**
 * Retention without an index of its own: it walks the table in the order of acceptance, a bounded step at a time,
 * and stops at what is younger than the retention, since nothing ends before it was created.
 */
export function createPrune(db: DatabaseSync) {
  const scan = db.prepare(`
    SELECT seq, state, created_at, finished_at FROM deliveries WHERE seq > ? ORDER BY seq LIMIT ?`);
  const removals = ['deliveries', 'payloads', 'attempts', 'failures'].map((table) =>
    db.prepare(`DELETE FROM ${table} WHERE seq = ?`),
  );
  const removeKeys = db.prepare(`
    DELETE FROM idempotency_keys WHERE (agent_id, key) IN
      (SELECT agent_id, key FROM idempotency_keys WHERE created_at < ? LIMIT ?)`);

  return ({ finishedBefore, deadBefore, limit, cursor }: PruneRequest) => {
    // Before the walk, which ends early wherever something young is met: on a quiet service in its first step.
    removeKeys.run(finishedBefore, limit);
    const rows = scan.all(cursor, limit);
    const youngest = Math.max(finishedBefore, deadBefore);
    let deleted = 0;
    for (const row of rows) {
      if ((row['created_at'] as number) >= youngest) return { deleted, cursor: null };
      const before = row['state'] === 'dead' ? deadBefore : finishedBefore;
      const finishedAt = row['finished_at'] as number | null;
      if (finishedAt === null || finishedAt >= before) continue;
      for (const removal of removals) removal.run(row['seq'] as number);
      deleted += 1;
    }
    const last = rows.length === limit ? rows.at(-1) : undefined;
    return { deleted, cursor: (last?.['seq'] as number | undefined) ?? null };
  };
}
