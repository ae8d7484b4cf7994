import type { Store } from '../store.ts';
import { sql, type Database } from './database.ts';

// The update that changes nothing makes RETURNING yield the row in every case.
const upsert = sql(
  'first_seen',
  `INSERT INTO first_seen AS f (name, value, seen_at) VALUES ($1, $2, $3)
  ON CONFLICT (name) DO UPDATE SET value = excluded.value,
    seen_at = CASE WHEN f.value = excluded.value THEN f.seen_at ELSE excluded.seen_at END
  RETURNING seen_at`,
);

export function createFirstSeen(db: Database): Store['firstSeen'] {
  return async (name, value, now) => {
    const [row] = await db.write(upsert, [name, value, now]);
    return row?.['seen_at'] as number;
  };
}
