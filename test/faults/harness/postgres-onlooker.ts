import { eventually } from '../../helpers/eventually.ts';
import { emptyDatabase, query } from '../../helpers/postgres.ts';
import {
  SELECT_AGENTS,
  SELECT_ATTEMPTS,
  SELECT_DELIVERIES,
  toAgent,
  toDeliveries,
  toLeased,
  type Onlooker,
} from './onlooker.ts';

/** Of the services on one PostgreSQL database: a new one, unless it is given. */
export async function postgresOnlooker(given?: string): Promise<Onlooker> {
  const url = given ?? (await emptyDatabase());
  return {
    urlFor: (service) => {
      const own = new URL(url);
      own.searchParams.set('application_name', service);
      return own.href;
    },
    // What a dead service sent last is still carried out, a COMMIT as well.
    settled: (service) =>
      eventually(async () => {
        const open = await query(url, 'SELECT FROM pg_stat_activity WHERE application_name = $1', [
          service,
        ]);
        return open.length === 0;
      }, `the sessions of ${service} end`),
    leasedBy: async (owner) => {
      const rows = await query(
        url,
        `SELECT d.id, d.attempt_count FROM schedule s JOIN deliveries d ON d.seq = s.seq
        WHERE s.lease_owner = $1`,
        [owner],
      );
      return toLeased(rows);
    },
    scheduled: async () =>
      Number((await query(url, 'SELECT count(*) AS n FROM schedule'))[0]?.['n']),
    deliveries: async () =>
      toDeliveries(await query(url, SELECT_DELIVERIES), await query(url, SELECT_ATTEMPTS)),
    agents: async () => (await query(url, SELECT_AGENTS)).map(toAgent),
    verify: async () => {
      // What is scheduled has its row in `schedule`, and nothing else has.
      const torn = await query(
        url,
        `SELECT coalesce(d.seq, s.seq) AS seq FROM deliveries d FULL JOIN schedule s ON s.seq = d.seq
        WHERE (d.state = 'scheduled') IS DISTINCT FROM (s.seq IS NOT NULL) LIMIT 10`,
      );
      if (torn.length > 0) throw new Error(`torn deliveries: ${JSON.stringify(torn)}`);
    },
  };
}
