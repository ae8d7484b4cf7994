import { expect, it } from 'vitest';
import { deadUrl } from '../liveness/helpers/agents.ts';
import { eventually } from '../liveness/helpers/eventually.ts';
import { startOpscore } from '../liveness/helpers/opscore.ts';
import { startServiceProcess } from '../liveness/helpers/service.ts';

const HUNDRED = Array.from({ length: 100 }, (_, n) => n);

async function start() {
  const opscore = await startOpscore();
  const { client } = await startServiceProcess(opscore.env);
  const agent = {
    agentName: 'racer',
    version: '1',
    contactEndpoint: await deadUrl(),
    leaseSeconds: 300,
  };
  return { opscore, client, agent };
}

it('100 parallel PUTs of one name end in one agent and one REGISTER', async () => {
  const { opscore, client, agent } = await start();
  const answers = await Promise.all(HUNDRED.map(() => client.upsertAgent(agent)));
  expect(new Set(answers.map(({ agentId }) => agentId)).size).toBe(1);
  expect(new Set(answers.map(({ signingSecret }) => signingSecret)).size).toBe(1);
  expect((await client.listAgents()).agents).toHaveLength(1);
  expect((await client.listChanges()).changes.map(({ type }) => type)).toEqual(['registered']);
  await oneRegisterEach(opscore, client, 1);
});

it('100 parallel PUTs of 100 names each, twice over, end in 100 agents and one REGISTER each', async () => {
  const { opscore, client, agent } = await start();
  const put = (n: number) => client.upsertAgent({ ...agent, agentName: `racer-${String(n)}` });
  const answers = await Promise.all([...HUNDRED, ...HUNDRED].map(put));
  const ids = new Set(answers.map(({ agentId }) => agentId));
  expect(ids.size).toBe(100);
  expect(answers.slice(100).map(({ agentId }) => agentId)).toEqual(
    answers.slice(0, 100).map(({ agentId }) => agentId),
  );
  await oneRegisterEach(opscore, client, 100);
});

it('of 100 parallel PUTs and POSTs of one name one creates it, the POSTs after it are refused', async () => {
  const { opscore, client, agent } = await start();
  const answers = await Promise.allSettled(
    HUNDRED.map((n) => (n % 2 === 0 ? client.upsertAgent(agent) : client.registerAgent(agent))),
  );
  const taken = answers.filter((answer) => answer.status === 'fulfilled');
  expect(new Set(taken.map(({ value }) => value.agentId)).size).toBe(1);
  const refused = answers.filter((answer) => answer.status === 'rejected');
  expect(refused.length).toBeGreaterThanOrEqual(49);
  for (const { reason } of refused) expect(reason).toMatchObject({ code: 'agent_name_taken' });
  await oneRegisterEach(opscore, client, 1);
});

/** An agent that leaves last closes the account: whatever was to be sent before is there by then. */
async function oneRegisterEach(
  opscore: Awaited<ReturnType<typeof startOpscore>>,
  client: Awaited<ReturnType<typeof start>>['client'],
  count: number,
): Promise<void> {
  const { agents } = await client.listAgents();
  expect(agents).toHaveLength(count);
  await Promise.all(agents.map(({ agentId }) => client.deregisterAgent(agentId)));
  await eventually(() => {
    expect(opscore.count('DEREGISTER')).toBe(count);
  });
  for (const { agentId } of agents) {
    expect(opscore.story(agentId)).toEqual(['REGISTER', 'DEREGISTER']);
  }
}
