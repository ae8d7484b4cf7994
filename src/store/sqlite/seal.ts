import type { DatabaseSync } from 'node:sqlite';
import type { SecretBox } from '../secret-box.ts';
import { StoreUnavailableError } from '../store.ts';

/**
 * Brings the stored secrets to the current encryption key at start: seals what a start without a key left open,
 * reseals what an older key sealed. Also the check that the keys open this database at all.
 * @throws StoreUnavailableError when they do not.
 */
export function sealSecrets(db: DatabaseSync, box: SecretBox): void {
  const select = db.prepare('SELECT agent_id, signing_secret, previous_secret FROM agents');
  const update = db.prepare(
    'UPDATE agents SET signing_secret = ?, previous_secret = ? WHERE agent_id = ?',
  );
  const stale: { agentId: string; secret: string; previous: string | null }[] = [];
  for (const row of select.iterate()) {
    const secret = row['signing_secret'] as string;
    const previous = row['previous_secret'] as string | null;
    if (box.isCurrent(secret) && (previous === null || box.isCurrent(previous))) continue;
    stale.push({ agentId: row['agent_id'] as string, secret, previous });
  }
  if (stale.length === 0) return;
  db.exec('BEGIN IMMEDIATE');
  try {
    for (const { agentId, secret, previous } of stale) {
      const reseal = (text: string) => box.seal(box.open(text));
      update.run(reseal(secret), previous === null ? null : reseal(previous), agentId);
    }
    db.exec('COMMIT');
  } catch (cause) {
    db.exec('ROLLBACK');
    throw new StoreUnavailableError((cause as Error).message, { cause });
  }
}
