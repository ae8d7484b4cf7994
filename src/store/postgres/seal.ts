import type pg from 'pg';
import type { SecretBox } from '../secret-box.ts';
import { StoreUnavailableError } from '../store.ts';
import { SESSION_LOCALLY } from './connection.ts';

const STEP = 1_000;

interface Sealed {
  readonly agent_id: string;
  readonly signing_secret: string;
  readonly previous_secret: string | null;
}

/**
 * Brings the stored secrets to the current encryption key at start: seals what a start without a key left open,
 * reseals what an older key sealed. Also the check that the keys open this database at all. It looks first, without a
 * lock: at nearly every start nothing is to be done, and other replicas are at work. While replicas with the old and
 * the new key overlap, both keys are configured in both, so each opens what the other wrote.
 * @throws StoreUnavailableError when they do not; nothing was changed.
 */
export async function sealSecrets(client: pg.Client, box: SecretBox): Promise<void> {
  let stale = 0;
  for await (const rows of steps(client, '')) stale += staleOf(rows, box).length;
  if (stale === 0) return;
  await client.query('BEGIN');
  await client.query(SESSION_LOCALLY);
  for await (const rows of steps(client, 'FOR NO KEY UPDATE')) {
    for (const { agent_id, signing_secret, previous_secret } of staleOf(rows, box)) {
      await client.query(
        'UPDATE agents SET signing_secret = $2, previous_secret = $3 WHERE agent_id = $1',
        [
          agent_id,
          box.seal(box.open(signing_secret)),
          previous_secret === null ? null : box.seal(box.open(previous_secret)),
        ],
      );
    }
  }
  await client.query('COMMIT');
}

async function* steps(client: pg.Client, lock: string): AsyncGenerator<Sealed[]> {
  let after = '';
  for (;;) {
    const { rows } = await client.query<Sealed>(
      `SELECT agent_id, signing_secret, previous_secret FROM agents WHERE agent_id > $1
       ORDER BY agent_id LIMIT ${STEP} ${lock}`,
      [after],
    );
    yield rows;
    const last = rows.at(-1);
    if (last === undefined || rows.length < STEP) return;
    after = last.agent_id;
  }
}

/** Those that are not as the current key would seal them. @throws StoreUnavailableError when one cannot be opened. */
function staleOf(rows: readonly Sealed[], box: SecretBox): Sealed[] {
  return rows.filter(({ signing_secret, previous_secret }) => {
    const stored = previous_secret === null ? [signing_secret] : [signing_secret, previous_secret];
    const stale = stored.filter((text) => !box.isCurrent(text));
    try {
      for (const text of stale) box.open(text);
    } catch (cause) {
      throw new StoreUnavailableError((cause as Error).message, { cause });
    }
    return stale.length > 0;
  });
}
