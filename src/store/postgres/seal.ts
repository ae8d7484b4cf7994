import type pg from 'pg';
import type { SecretBox } from '../secret-box.ts';
import { StoreUnavailableError } from '../store.ts';

const STEP = 1_000;

/**
 * Brings the stored secrets to the current encryption key at start: seals what a start without a key left open,
 * reseals what an older key sealed. Also the check that the keys open this database at all. While replicas with the
 * old and the new key overlap, both keys are configured in both, so each opens what the other wrote.
 * @throws StoreUnavailableError when they do not.
 */
export async function sealSecrets(client: pg.Client, box: SecretBox): Promise<void> {
  let after = '';
  for (;;) {
    const { rows } = await client.query<{
      agent_id: string;
      signing_secret: string;
      previous_secret: string | null;
    }>(
      `SELECT agent_id, signing_secret, previous_secret FROM agents WHERE agent_id > $1
       ORDER BY agent_id LIMIT ${STEP} FOR NO KEY UPDATE`,
      [after],
    );
    for (const row of rows) {
      const { agent_id, signing_secret: secret, previous_secret: previous } = row;
      if (box.isCurrent(secret) && (previous === null || box.isCurrent(previous))) continue;
      await client.query(
        'UPDATE agents SET signing_secret = $2, previous_secret = $3 WHERE agent_id = $1',
        [agent_id, reseal(secret, box), previous === null ? null : reseal(previous, box)],
      );
    }
    if (rows.length < STEP) return;
    after = rows.at(-1)?.agent_id ?? '';
  }
}

function reseal(stored: string, box: SecretBox): string {
  try {
    return box.seal(box.open(stored));
  } catch (cause) {
    throw new StoreUnavailableError((cause as Error).message, { cause });
  }
}
