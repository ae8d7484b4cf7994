import { DatabaseSync } from 'node:sqlite';
import { query } from '../../helpers/postgres.ts';

/** Tasks that wait for their first attempt, `perAgent` of them for each of these agents, in turns. */
interface Waiting {
  readonly agentIds: readonly string[];
  readonly total: number;
  /** Of a body, in bytes. */
  readonly bytes?: number;
}

/** Unlike those that a service gives, but as long and as sequential. */
const ID_PREFIX = '00000000-0000-7000-8000-';

const BODY_START = '{"task_name":"t","pad":"';
const BODY_END = '"}';

function paddingOf({ bytes = 300 }: Waiting): number {
  return bytes - BODY_START.length - BODY_END.length;
}

/**
 * Writes the rows past the store, whose own way is a 202 each: a million in some seconds. Whether they are what the store
 * itself would have written shows when it delivers them.
 */
export function fillSqlite(path: string, waiting: Waiting): void {
  const db = new DatabaseSync(path);
  try {
    db.exec('PRAGMA synchronous = OFF; PRAGMA journal_mode = WAL; PRAGMA cache_size = -200000');
    db.exec('BEGIN; CREATE TEMP TABLE given (place INTEGER PRIMARY KEY, agent_id TEXT)');
    const give = db.prepare('INSERT INTO given VALUES (?, ?)');
    waiting.agentIds.forEach((agentId, place) => give.run(place, agentId));
    const now = Date.now();
    db.exec(`
      CREATE TEMP TABLE base AS SELECT coalesce(max(seq), 0) AS seq FROM deliveries;
      CREATE TEMP TABLE numbers AS
        WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < ${waiting.total}) SELECT n FROM n;
      INSERT INTO deliveries
        (seq, id, kind, agent_id, lane, ordered, name, state, due_at, lease_owner, epoch, attempt_count, created_at)
      SELECT b.seq + n, '${ID_PREFIX}' || printf('%012d', b.seq + n), 'task', g.agent_id, 'task:' || g.agent_id, 0, 't',
        'scheduled', ${now} - ${waiting.total} + n, NULL, 0, 0, ${now}
      FROM numbers JOIN given g ON g.place = n % ${waiting.agentIds.length} CROSS JOIN base b ORDER BY n;
      INSERT INTO payloads (seq, body, traceparent)
      SELECT b.seq + n, CAST('${BODY_START}' || printf('%0${paddingOf(waiting)}d', n) || '${BODY_END}' AS BLOB), NULL
      FROM numbers CROSS JOIN base b ORDER BY n;
      INSERT INTO lanes (lane, due_at) SELECT 'task:' || agent_id, ${now} - ${waiting.total} FROM given WHERE true
        ON CONFLICT (lane) DO UPDATE SET due_at = min(lanes.due_at, excluded.due_at);
      COMMIT; PRAGMA wal_checkpoint(TRUNCATE)`);
  } finally {
    db.close();
  }
}

/** The same on PostgreSQL. */
export async function fillPostgres(url: string, waiting: Waiting): Promise<void> {
  const { agentIds, total } = waiting;
  const now = Date.now();
  await query(
    url,
    `WITH given AS MATERIALIZED (SELECT agent_id, place - 1 AS place FROM unnest($1::text[]) WITH ORDINALITY AS u (agent_id, place)),
    numbered AS MATERIALIZED (
      SELECT nextval('deliveries_seq_seq') AS seq, n, g.agent_id
      FROM generate_series(1, ${total}) n JOIN given g ON g.place = n % ${agentIds.length}),
    stored AS (
      INSERT INTO deliveries (seq, id, kind, agent_id, name, state, created_at)
      SELECT seq, '${ID_PREFIX}' || lpad(seq::text, 12, '0'), 'task', agent_id, 't', 'scheduled', ${now}
      FROM numbered ORDER BY seq),
    scheduled AS (
      INSERT INTO schedule (seq, due_at, epoch, bytes, ordered, lane)
      SELECT seq, ${now} - ${total} + n, 0, ${waiting.bytes ?? 300}, false, 'task:' || agent_id FROM numbered ORDER BY seq),
    kept AS (
      INSERT INTO payloads (seq, body)
      SELECT seq, convert_to('${BODY_START}' || lpad(n::text, ${paddingOf(waiting)}, '0') || '${BODY_END}', 'UTF8')
      FROM numbered ORDER BY seq)
    INSERT INTO lanes AS l (lane, due_at) SELECT 'task:' || agent_id, ${now} - ${total} FROM given
    ON CONFLICT (lane) DO UPDATE SET due_at = least(l.due_at, excluded.due_at)`,
    [agentIds],
  );
  // As autovacuum does after so many rows, at a moment of its own.
  for (const table of ['deliveries', 'schedule', 'payloads', 'lanes']) {
    await query(url, `VACUUM (ANALYZE) ${table}`);
  }
}
