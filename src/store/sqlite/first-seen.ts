import type { DatabaseSync } from 'node:sqlite';
import type { Store } from '../store.ts';
import type { GroupCommit } from './group-commit.ts';

export function createFirstSeen(db: DatabaseSync, commit: GroupCommit): Store['firstSeen'] {
  const upsert = db.prepare(`
    INSERT INTO first_seen (name, value, seen_at) VALUES (?, ?, ?)
    ON CONFLICT (name) DO UPDATE SET value = excluded.value, seen_at = excluded.seen_at
      WHERE first_seen.value <> excluded.value`);
  const select = db.prepare('SELECT seen_at FROM first_seen WHERE name = ?');
  return (name, value, now) =>
    commit.run(() => {
      upsert.run(name, value, now);
      return select.get(name)?.['seen_at'] as number;
    });
}
