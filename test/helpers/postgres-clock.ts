import { eventually } from './eventually.ts';
import { emptyDatabase, query } from './postgres.ts';

export interface DatabaseWithClock {
  readonly url: string;
  /** Moves it by so much from where it was at first, and waits until the replicas that are there have looked at it. */
  move(ms: number): Promise<void>;
}

/** A database whose clock can be moved for its own sessions: `clock_timestamp()` is found in front of the system's. */
export async function databaseWithClock(): Promise<DatabaseWithClock> {
  const url = await emptyDatabase();
  const name = new URL(url).pathname.slice(1);
  await query(
    url,
    `CREATE SCHEMA clock;
    CREATE TABLE clock.shift (ms bigint NOT NULL);
    INSERT INTO clock.shift VALUES (0);
    CREATE FUNCTION clock.clock_timestamp() RETURNS timestamptz VOLATILE LANGUAGE sql
      AS 'SELECT pg_catalog.clock_timestamp() + ms * interval ''1 ms'' FROM clock.shift';
    ALTER DATABASE ${name} SET search_path = clock, public, pg_catalog`,
  );
  return {
    url,
    move: async (ms) => {
      await query(url, 'UPDATE clock.shift SET ms = $1', [ms]);
      await eventually(async () => {
        const behind = await query(
          url,
          'SELECT FROM replicas WHERE abs(clock_at - extract(epoch FROM clock_timestamp()) * 1000) > 5000',
        );
        return behind.length === 0;
      }, 'the replicas notice that the clock was moved');
    },
  };
}
