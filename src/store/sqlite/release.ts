import type { Operations } from './writer-messages.ts';
import type { OperationDeps } from './writer-operations.ts';

/** Gives leases back without an attempt; stale ones are passed over. */
export function createRelease({ db, lanes }: Pick<OperationDeps, 'db' | 'lanes'>) {
  const release = db.prepare(`
    UPDATE deliveries SET due_at = ?, lease_owner = NULL
    WHERE seq = ? AND epoch = ? AND state = 'scheduled' AND lease_owner IS NOT NULL`);

  return ({ leases, now }: Operations['release']['request']): void => {
    for (const { seq, epoch, lane } of leases) {
      if (release.run(now, seq, epoch).changes === 1) lanes.lower(lane, now);
    }
  };
}
