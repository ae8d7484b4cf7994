import pg from 'pg';
import { asUnavailable } from './errors.ts';
import { fromText } from './text.ts';

/** How the database is reached. */
export interface ConnectionMode {
  /** Through a pooler that gives each transaction another session: settings go with the transaction. */
  readonly pooled: boolean;
  /** Named statements; not with `?prepare=false`, nor after the pooler lost one. */
  readonly prepare: boolean;
}

/**
 * What every session has. A transaction here lasts milliseconds, so one that lasts seconds is stuck. The planner is
 * kept to index lookups: a plan made while a table was empty would otherwise scan it whole until the next ANALYZE.
 */
const SESSION: Readonly<Record<string, string>> = {
  synchronous_commit: 'on',
  statement_timeout: '5000',
  // Shorter: what waits for the locks of a replica that is cut off or stopped gets them before it is given up itself.
  idle_in_transaction_session_timeout: '2000',
  enable_seqscan: 'off',
  enable_hashjoin: 'off',
  enable_mergejoin: 'off',
  jit: 'off',
};

/** The server notices a replica that is gone without a word, and frees its locks. */
const KEEPALIVE: Readonly<Record<string, string>> = {
  tcp_keepalives_idle: '5',
  tcp_keepalives_interval: '2',
  tcp_keepalives_count: '3',
};

/** The session's settings for one transaction. */
export const SESSION_LOCALLY = `SELECT ${Object.entries(SESSION)
  .map(([name, value]) => `set_config('${name}', '${value}', true)`)
  .join(', ')}`;

const types: pg.CustomTypesConfig = {
  getTypeParser: (oid, format) => {
    if (oid === pg.types.builtins.INT8) return Number;
    if (oid === pg.types.builtins.TEXT) return fromText;
    return pg.types.getTypeParser(oid, format) as (value: string) => unknown;
  },
};

export function connectionOptions(url: string, { pooled }: { pooled: boolean }): pg.ClientConfig {
  const parsed = new URL(url);
  parsed.searchParams.delete('prepare');
  const own = parsed.searchParams.get('options');
  parsed.searchParams.delete('options');
  const settings = Object.entries({ ...SESSION, ...KEEPALIVE }).map(
    ([name, value]) => `-c ${name}=${value}`,
  );
  const options = [...(own === null ? [] : [own]), ...(pooled ? [] : settings)].join(' ');
  return {
    connectionString: parsed.href,
    application_name: 'agentkit',
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    types,
    ...(options === '' ? {} : { options }),
  };
}

/**
 * Looks how the database is reached: a pooler refuses startup options, or swallows them.
 * @throws StoreUnavailableError when it cannot be reached.
 */
export async function detectMode(
  url: string,
): Promise<{ mode: ConnectionMode; settings: Record<string, unknown> }> {
  const prepare = new URL(url).searchParams.get('prepare') !== 'false';
  const direct = await lookAt(url, false).catch((error: unknown) => {
    if (/unsupported startup parameter/.test((error as Error).message)) return undefined;
    throw asUnavailable(error);
  });
  const settings =
    direct ??
    (await lookAt(url, true).catch((error: unknown) => {
      throw asUnavailable(error);
    }));
  const pooled = direct === undefined || settings['session'] !== SESSION['statement_timeout'];
  return { mode: { pooled, prepare }, settings };
}

async function lookAt(url: string, pooled: boolean): Promise<Record<string, unknown>> {
  const client = new pg.Client({
    ...connectionOptions(url, { pooled }),
    connectionTimeoutMillis: 5_000,
    query_timeout: 5_000,
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    const { rows } = await client.query<Record<string, unknown>>(`
      SELECT current_setting('server_encoding') AS encoding, current_setting('server_version_num') AS version,
        (SELECT setting FROM pg_settings WHERE name = 'statement_timeout') AS session`);
    return rows[0] ?? {};
  } finally {
    await client.end().catch(() => undefined);
  }
}
