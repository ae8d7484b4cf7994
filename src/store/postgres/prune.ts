import type { OutboxStore } from '../store.ts';
import { bigintArray } from './arrays.ts';
import { sql, type Database } from './database.ts';

const scan = sql(
  'prune_scan',
  'SELECT seq, state, created_at, finished_at FROM deliveries WHERE seq > $1 ORDER BY seq LIMIT $2',
);

const remove = sql(
  'prune_remove',
  `WITH old AS MATERIALIZED (SELECT unnest($1::bigint[]) AS seq),
  p AS (DELETE FROM payloads t USING old WHERE t.seq = old.seq),
  a AS (DELETE FROM attempts t USING old WHERE t.seq = old.seq)
  DELETE FROM deliveries t USING old WHERE t.seq = old.seq`,
);

const removeKeys = sql(
  'prune_keys',
  `WITH old AS MATERIALIZED (SELECT agent_id, key FROM idempotency_keys WHERE created_at < $1
    ORDER BY created_at LIMIT $2 FOR UPDATE SKIP LOCKED)
  DELETE FROM idempotency_keys k USING old WHERE k.agent_id = old.agent_id AND k.key = old.key`,
);

/**
 * Retention without an index of its own: it walks the table in the order of acceptance, a bounded step at a time,
 * and stops at what is younger than the retention, since nothing ends before it was created. What it deletes is final,
 * so reading and deleting need no common transaction.
 */
export function createPrune(db: Database): OutboxStore['prune'] {
  return async ({ finishedBefore, deadBefore, limit, cursor }) => {
    await db.write(removeKeys, [finishedBefore, limit]);
    const rows = await db.read(scan, [cursor, limit]);
    const youngest = Math.max(finishedBefore, deadBefore);
    const young = rows.findIndex((row) => (row['created_at'] as number) >= youngest);
    const old = (young < 0 ? rows : rows.slice(0, young)).filter((row) => {
      const before = row['state'] === 'dead' ? deadBefore : finishedBefore;
      const finishedAt = row['finished_at'] as number | null;
      return finishedAt !== null && finishedAt < before;
    });
    if (old.length > 0) {
      await db.write(remove, [bigintArray(old.map((row) => row['seq'] as number))]);
    }
    const last = young < 0 && rows.length === limit ? rows.at(-1) : undefined;
    return { deleted: old.length, cursor: (last?.['seq'] as number | undefined) ?? null };
  };
}
