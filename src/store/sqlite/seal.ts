import type { DatabaseSync } from 'node:sqlite';
import type { SecretBox } from '../secret-box.ts';
import { StoreUnavailableError } from '../store.ts';

interface Resealed {
  readonly agentId: string;
  readonly secret: string;
  readonly previous: string | null;
}

/**
 * Brings the stored secrets to the current encryption key at start: seals what a start without a key left open,
 * reseals what an older key sealed. Also the check that the keys open this database at all.
 * @throws StoreUnavailableError when they do not; nothing was changed.
 */
export function sealSecrets(db: DatabaseSync, box: SecretBox): void {
  const stale = resealed(db, box);
  if (stale.length === 0) return;
  // SQLite leaves what it overwrites in the slack of pages, in free pages and in the WAL: a sealed file would still
  // hold the secrets in clear. First, so that a start that fails here (no space) tries it again.
  db.exec(
    'PRAGMA secure_delete = ON; PRAGMA temp_store = FILE; VACUUM; PRAGMA temp_store = MEMORY',
  );
  const update = db.prepare(
    'UPDATE agents SET signing_secret = ?, previous_secret = ? WHERE agent_id = ?',
  );
  db.exec('BEGIN IMMEDIATE');
  try {
    for (const { agentId, secret, previous } of stale) update.run(secret, previous, agentId);
    db.exec('COMMIT');
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK');
    throw error;
  }
  db.exec('PRAGMA secure_delete = OFF; PRAGMA wal_checkpoint(TRUNCATE)');
}

/** The agents whose secrets are not as the current key would seal them, sealed with it. */
function resealed(db: DatabaseSync, box: SecretBox): Resealed[] {
  const select = db.prepare('SELECT agent_id, signing_secret, previous_secret FROM agents');
  const reseal = (text: string) => box.seal(box.open(text));
  const stale: Resealed[] = [];
  for (const row of select.iterate()) {
    const secret = row['signing_secret'] as string;
    const previous = row['previous_secret'] as string | null;
    if (box.isCurrent(secret) && (previous === null || box.isCurrent(previous))) continue;
    try {
      stale.push({
        agentId: row['agent_id'] as string,
        secret: reseal(secret),
        previous: previous === null ? null : reseal(previous),
      });
    } catch (cause) {
      throw new StoreUnavailableError((cause as Error).message, { cause });
    }
  }
  return stale;
}
