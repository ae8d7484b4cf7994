import { expect, it } from 'vitest';
import { readMigrations } from '../../src/store/migrations.ts';
import { detectMode } from '../../src/store/postgres/connection.ts';
import { migrate, MIGRATIONS } from '../../src/store/postgres/migrate.ts';
import { eventually } from '../helpers/eventually.ts';
import { emptyDatabase } from '../helpers/postgres.ts';
import { startReceiver, startReplica, startReplicasOn, type Replica } from './steps.ts';

/** A migration as a newer version brings it: it only adds. */
const EXPAND = `
  ALTER TABLE agents ADD COLUMN added text;
  ALTER TABLE deliveries ADD COLUMN added text DEFAULT 'x';
  ALTER TABLE schedule ADD COLUMN added bigint NOT NULL DEFAULT 0;
  ALTER TABLE lanes ADD COLUMN added bigint;
  ALTER TABLE idempotency_keys ADD COLUMN added text;
  CREATE INDEX added ON deliveries (created_at);`;

it('an upgrade over a migration: old and new beside each other, no request fails, nothing is lost', async () => {
  const url = await emptyDatabase();
  const old = (await startReplicasOn(url, 2)) as [Replica, Replica];
  const agent = await startReceiver();
  const { agentId } = await old[0].client.registerAgent({
    agentName: 'a',
    version: '1',
    contactEndpoint: agent.url,
  });
  // Whoever is asked is asked on: a replica is taken out of the list before it is closed, as a proxy does.
  const inService = [...old];
  const accepted: string[] = [];
  const load = { running: true };
  const loading = Promise.all(
    Array.from({ length: 8 }, async (_, worker) => {
      for (let n = worker; load.running; n += 1) {
        const { client } = inService[n % inService.length] as Replica;
        const { taskId } = await client.runTask(
          agentId,
          { task_name: 't' },
          { idempotencyKey: `${worker}-${n}` },
        );
        accepted.push(taskId);
        if (n % 5 === 0) await client.heartbeat(agentId);
        if (n % 7 === 0) await client.getTask(taskId);
      }
    }),
  );
  const more = async (count: number) => {
    const wanted = accepted.length + count;
    await Promise.race([eventually(() => accepted.length >= wanted, 'it goes on'), loading]);
  };
  await more(200);
  const { mode } = await detectMode(url);
  const next = { sql: EXPAND, expands: true };
  await migrate(url, mode, async () => undefined, [...readMigrations(MIGRATIONS), next]);
  await more(200);
  // One after the other is replaced.
  for (const [index, leaving] of old.entries()) {
    const coming = await startReplica(url);
    inService[index] = coming;
    await more(100);
    await leaving.close();
    await more(100);
  }
  load.running = false;
  await loading;
  await eventually(
    () => new Set(agent.received.map(({ taskId }) => taskId)).size === accepted.length,
    'every accepted task arrives',
  );
  expect(agent.received).toHaveLength(accepted.length);
});
