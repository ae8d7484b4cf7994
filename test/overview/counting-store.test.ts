import { join } from 'node:path';
import { expect, it } from 'vitest';
import { countingStore } from '../../src/overview/counting-store.ts';
import { Rates } from '../../src/overview/rates.ts';
import { manualClock } from '../helpers/manual-clock.ts';
import { openSqlite } from '../helpers/open-store.ts';
import { aDelivery } from '../helpers/records.ts';
import { insertTask, removal } from '../helpers/store.ts';
import { tempDir } from '../helpers/temp-dir.ts';
import { asDead, claimOne, NOW, registered, webhook } from '../store/contract/steps.ts';

it('counts what is accepted, whatever accepts it, and how attempts go', async () => {
  const rates = new Rates(manualClock());
  const store = countingStore(openSqlite(join(tempDir(), 'agentkit.db')), rates);
  const now = () => {
    const { accepted, delivered, failed } = rates.history();
    return [accepted.at(-1), delivered.at(-1), failed.at(-1)];
  };
  const agent = await registered(store);
  expect(now()).toEqual([0, 0, 0]);

  await insertTask(store, aDelivery(agent.agentId));
  expect(now()).toEqual([1, 0, 0]);
  // One that is not taken is not counted.
  await insertTask(store, aDelivery('nobody'));
  expect(now()).toEqual([1, 0, 0]);

  // A dead letter, and its report.
  const report = aDelivery(agent.agentId, { kind: 'state_report', dueAt: NOW + 60_000 });
  await store.outbox.complete({ ...asDead(await claimOne(store)), followUp: report });
  expect(now()).toEqual([2, 0, 1]);

  await webhook(store, agent, 'REGISTER', { dueAt: NOW + 60_000 });
  expect(now()).toEqual([3, 0, 1]);

  await insertTask(store, aDelivery(agent.agentId));
  await store.agents.remove(
    agent.agentId,
    removal(NOW, {
      reportOf: () => aDelivery(agent.agentId, { kind: 'state_report' }),
      webhookOf: () => aDelivery(agent.agentId, { kind: 'webhook' }),
    }),
  );
  expect(now()).toEqual([6, 0, 1]);
  await store.close();
});
