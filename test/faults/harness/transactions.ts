import pg from 'pg';

/** A transaction as it was seen last. Times in milliseconds. */
export interface SeenTransaction {
  readonly query: string;
  readonly state: string;
  /** What it waited for when somebody looked, each once. */
  readonly waits: string;
  /** Since it began. */
  readonly ageMs: number;
  /** Of that, in which the disk had not taken the WAL yet. */
  readonly diskMs: number;
  /** Of that, in which its session, or the client that it waited for, was kept from the processor by others. */
  readonly starvedMs: number;
  /** Of that, in which it waited for the lock of a transaction to which one of the two had happened. */
  readonly behindMs: number;
}

export interface Observation {
  readonly looks: number;
  /** The longest first. */
  readonly transactions: readonly SeenTransaction[];
}

/** Between two looks. */
const EVERY_MS = 2;

/** One who comes so late was kept from the processor. */
const LATE_MS = 20;

// How long a process has waited for a processor so far is told when it gets one: what a look misses, the next one finds,
// also of a transaction that has ended in between. https://docs.kernel.org/scheduler/sched-stats.html
const PREPARE = `
  CREATE TEMP TABLE clients (name text, pid integer);
  CREATE TEMP TABLE looks (count integer);
  CREATE TEMP TABLE seen (pid integer, client integer, began timestamptz, looked timestamptz, ended boolean,
    state text, query text, waits text[], delay float, client_delay float, disk float, starved float, behind float,
    PRIMARY KEY (pid, began));
  CREATE FUNCTION pg_temp.delay_of(integer) RETURNS float LANGUAGE sql AS $$
    SELECT coalesce(split_part(pg_read_file(format('/proc/%s/schedstat', $1), 0, 100, true), ' ', 2)::float / 1e6, 0)
  $$;
  CREATE FUNCTION pg_temp.starved_since(s seen) RETURNS float LANGUAGE sql AS $$
    SELECT pg_temp.delay_of(s.pid) - s.delay
      + CASE WHEN s.waits[cardinality(s.waits)] = 'ClientRead' THEN pg_temp.delay_of(s.client) - s.client_delay ELSE 0 END
  $$`;

const lookFor = (seconds: number) => `
  DO $$
  DECLARE
    ends timestamptz := clock_timestamp() + interval '${seconds} s';
    before timestamptz := clock_timestamp();
    now timestamptz;
    step float;
    looks integer := 0;
  BEGIN
    LOOP
      PERFORM pg_stat_clear_snapshot();
      now := clock_timestamp();
      EXIT WHEN now > ends;
      step := extract(epoch FROM now - before) * 1000;
      UPDATE seen s SET starved = starved + pg_temp.starved_since(s), delay = pg_temp.delay_of(s.pid),
        client_delay = pg_temp.delay_of(s.client)
      WHERE NOT ended;
      INSERT INTO seen AS s
        SELECT a.pid, c.pid, xact_start, now, false, state, left(query, 100), ARRAY[coalesce(wait_event, 'none')],
          pg_temp.delay_of(a.pid), pg_temp.delay_of(c.pid),
          CASE WHEN wait_event_type = 'IO' OR wait_event = 'WALWrite'
            THEN least(step, extract(epoch FROM now - xact_start) * 1000) ELSE 0 END,
          CASE WHEN step > ${LATE_MS} THEN least(step, extract(epoch FROM now - xact_start) * 1000) ELSE 0 END, 0
        FROM pg_stat_activity a LEFT JOIN clients c ON c.name = a.application_name
        WHERE datname = current_database() AND backend_type = 'client backend' AND state <> 'idle'
          AND xact_start IS NOT NULL AND a.pid <> pg_backend_pid()
      ON CONFLICT (pid, began) DO UPDATE SET looked = excluded.looked, state = excluded.state,
        query = excluded.query, waits = s.waits || excluded.waits, disk = s.disk + excluded.disk;
      UPDATE seen SET behind = behind + step
      WHERE looked = now AND waits[cardinality(waits)] IN ('transactionid', 'tuple')
        AND EXISTS (SELECT FROM seen o WHERE o.looked = now AND o.disk + o.starved > 0);
      UPDATE seen SET ended = true WHERE NOT ended AND looked < now;
      before := now;
      looks := looks + 1;
      PERFORM pg_sleep(${EVERY_MS / 1_000});
    END LOOP;
    INSERT INTO looks VALUES (looks);
  END $$`;

/**
 * Looks at all transactions of a database every few milliseconds, for so long. It looks from inside the server: then the
 * load on this process is no part of what it sees. A session that is idle is in none: while it hands on notifications it
 * shows one, as old as its last statement.
 * @param clients the processes that are connected, by the application_name of their sessions.
 */
export async function observeTransactions(
  url: string,
  seconds: number,
  clients: Readonly<Record<string, number>>,
): Promise<Observation> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    await client.query(PREPARE);
    await client.query('INSERT INTO clients SELECT key, value::integer FROM json_each_text($1)', [
      JSON.stringify(clients),
    ]);
    await client.query(lookFor(seconds));
    const { rows } = await client.query<Record<string, unknown>>(`
      SELECT state, query, (SELECT string_agg(DISTINCT w, ' ') FROM unnest(waits) w) AS waits,
        extract(epoch FROM looked - began) * 1000 AS age, disk, starved, behind
      FROM seen ORDER BY age DESC`);
    const { rows: sums } = await client.query<{ count: number }>('SELECT count FROM looks');
    return {
      looks: sums[0]?.count ?? 0,
      transactions: rows.map((row) => ({
        query: String(row['query']).replaceAll(/\s+/g, ' '),
        state: String(row['state']),
        waits: String(row['waits']),
        ageMs: Number(row['age']),
        diskMs: Number(row['disk']),
        starvedMs: Number(row['starved']),
        behindMs: Number(row['behind']),
      })),
    };
  } finally {
    await client.end();
  }
}
