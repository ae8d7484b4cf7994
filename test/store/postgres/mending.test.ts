import { expect, it } from 'vitest';
import { query } from '../../helpers/postgres.ts';
import { mendAtOnce } from '../contract/mending.ts';
import { openReplicas } from './steps.ts';

it('replicas mend webhooks while they are sent: two are never in flight, and none comes after a later one', async () => {
  const { url, replicas } = await openReplicas(2);
  const now = () => replicas[0]?.clock.now() ?? Number.NaN;
  await mendAtOnce(
    replicas.map(({ store }) => store),
    now,
  );
  // What the triggers keep is what there is.
  const wrong = await query(
    url,
    `SELECT d.id FROM deliveries d FULL JOIN undelivered u ON u.seq = d.seq
     WHERE (d.state IN ('dead', 'cancelled')) IS DISTINCT FROM (u.seq IS NOT NULL) OR u.state <> d.state`,
  );
  expect(wrong).toEqual([]);
});
