import pg from 'pg';
import { NOTHING_THERE, SECRETS_TRIED, type Inspection } from '../inspection.ts';
import { pendingMigrations, readMigrations, type SchemaVersion } from '../migrations.ts';
import type { SecretBox } from '../secret-box.ts';
import { StoreUnavailableError } from '../store.ts';
import { connectionOptions, detectMode } from './connection.ts';
import { assertUsable } from './database.ts';
import { asUnavailable } from './errors.ts';
import { MIGRATIONS } from './migrate.ts';

/**
 * Looks at a database, and writes to the write probe in it.
 * @throws StoreUnavailableError that says why it cannot be used.
 */
export async function inspectPostgres(url: string, box: SecretBox): Promise<Inspection> {
  const { mode, settings } = await detectMode(url);
  assertUsable(settings);
  const client = new pg.Client({ ...connectionOptions(url, mode), query_timeout: 7_000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    const asked = Date.now();
    const { rows } = await client.query<Record<string, unknown>>(
      "SELECT floor(extract(epoch FROM clock_timestamp()) * 1000) AS now, to_regclass('schema_version') IS NOT NULL AS is_ours, has_schema_privilege(current_schema(), 'CREATE') AS may_create",
    );
    // Its answer is from between the question and now.
    const clockSkewMs = Number(rows[0]?.['now']) - (asked + Date.now()) / 2;
    if (rows[0]?.['is_ours'] !== true) {
      if (rows[0]?.['may_create'] === true) return { ...NOTHING_THERE, clockSkewMs };
      throw new StoreUnavailableError('its user may not create tables in it');
    }
    return { ...(await look(client, box)), clockSkewMs };
  } catch (error) {
    throw asUnavailable(error);
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function look(client: pg.Client, box: SecretBox): Promise<Inspection> {
  const seen = await client.query<SchemaVersion>('SELECT version, oldest FROM schema_version');
  const known = readMigrations(MIGRATIONS);
  const missing = pendingMigrations(known, seen.rows[0] ?? { version: 0, oldest: 0 });
  if (missing.length === known.length) return { ...NOTHING_THERE };
  await client.query('UPDATE write_probe SET probes = probes + 1');
  const keys = await client.query<{ n: number }>('SELECT count(*) AS n FROM api_keys');
  const secrets = await client.query<{ signing_secret: string }>(
    'SELECT signing_secret FROM agents LIMIT $1',
    [SECRETS_TRIED],
  );
  return {
    ...NOTHING_THERE,
    exists: true,
    missingMigrations: missing.length,
    apiKeys: keys.rows[0]?.n ?? 0,
    secretsOpen: secrets.rows.every(({ signing_secret: secret }) => isOpenedBy(box, secret)),
  };
}

function isOpenedBy(box: SecretBox, secret: string): boolean {
  try {
    box.open(secret);
    return true;
  } catch {
    return false;
  }
}
