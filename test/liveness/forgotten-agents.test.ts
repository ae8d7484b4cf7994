import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { AgentKitClient } from '../../src/sdk/index.ts';
import { aSecret } from '../helpers/secrets.ts';
import { startAgentProcess } from './helpers/agents.ts';
import { eventually } from './helpers/eventually.ts';
import { startOpscore } from './helpers/opscore.ts';
import { startServiceProcess } from './helpers/service.ts';

const ADMIN = aSecret('AGENTKIT_API_KEYS');
const REGISTER = aSecret('AGENTKIT_API_KEYS');
const KEYS = `ops:admin:${ADMIN},agents:register:${REGISTER}`;
const admin = (baseUrl: string) => new AgentKitClient({ baseUrl, apiKey: ADMIN });

it('an agent that was deregistered behind its back is registered again, idle, and takes tasks', async () => {
  const opscore = await startOpscore();
  const { url } = await startServiceProcess({ ...opscore.env, AGENTKIT_API_KEYS: KEYS });
  const agent = await startAgentProcess(url, opscore, { AGENTKIT_API_KEY: REGISTER });
  await eventually(() => {
    expect(opscore.story(agent.agentId)).toEqual(['REGISTER', 'idle']);
  });
  await admin(url).deregisterAgent(agent.agentId);
  const next = await eventually(() => {
    const found = opscore.heard.find(
      ({ what, agentId }) => what === 'idle' && agentId !== agent.agentId,
    );
    if (found === undefined) throw new Error('not idle again');
    return found.agentId;
  });
  expect(opscore.story(agent.agentId)).toEqual(['REGISTER', 'idle', 'DEREGISTER']);
  await admin(url).runTask(next, { task_name: 'note', parameters: { n: 7 } });
  await eventually(() => {
    expect(agent.notes()).toEqual([7]);
  });
});

it('an agent of a service that lost its database is registered again, and idle', async () => {
  const opscore = await startOpscore();
  const service = await startServiceProcess({ ...opscore.env, DATABASE_URL: 'sqlite:./db/a.db' });
  const agent = await startAgentProcess(service.url, opscore);
  const dir = join(service.cwd, 'db');
  await service.child().end('SIGKILL');
  for (const file of await readdir(dir)) await rm(join(dir, file));
  await service.start();
  await eventually(async () => {
    const { agents } = await service.client.listAgents();
    expect(agents).toMatchObject([{ agentName: 'agent', status: 'online' }]);
    const next = agents[0]?.agentId;
    expect(next).not.toBe(agent.agentId);
    // Perhaps told twice: that it is registered again, and that the service is back.
    const [first, ...states] = opscore.story(next);
    expect(first).toBe('REGISTER');
    expect(new Set(states)).toEqual(new Set(['idle']));
  });
});

it('an agent is idle again at Ops-Core after the service was away, and after it was frozen itself', async () => {
  const opscore = await startOpscore();
  const service = await startServiceProcess(opscore.env);
  const { agentId, child } = await startAgentProcess(service.url, opscore);
  await service.child().end('SIGTERM');
  await eventually(() => {
    expect(child.lines().some(({ line }) => /heartbeats are not taken/.test(String(line)))).toBe(
      true,
    );
  });
  await service.start();
  await eventually(() => {
    expect(opscore.story(agentId)).toEqual(['REGISTER', 'idle', 'idle']);
  });
  child.signal('SIGSTOP');
  await eventually(async () => {
    expect((await service.client.getAgent(agentId)).status).toBe('offline');
  });
  child.signal('SIGCONT');
  await eventually(() => {
    expect(opscore.story(agentId)).toEqual(['REGISTER', 'idle', 'idle', 'idle']);
  });
  expect((await service.client.getAgent(agentId)).status).toBe('online');
});

it('an agent learns a secret that somebody else rotated, and loses no task over it', async () => {
  const opscore = await startOpscore();
  const { url } = await startServiceProcess({ ...opscore.env, AGENTKIT_API_KEYS: KEYS });
  const agent = await startAgentProcess(url, opscore, { AGENTKIT_API_KEY: REGISTER });
  const run = (n: number) =>
    admin(url).runTask(agent.agentId, { task_name: 'note', parameters: { n } });
  await admin(url).rotateSigningSecret(agent.agentId, { overlapSeconds: 3600 });
  await run(1);
  const log = () => agent.child.lines().map(({ line }) => String(line));
  await eventually(() => {
    expect(agent.notes()).toEqual([1]);
    expect(log().filter((line) => line.includes('the signing secret was replaced'))).toHaveLength(
      1,
    );
  });
  await run(2);
  // The secret before this one no longer signs: who did not learn it cannot take the task.
  await admin(url).rotateSigningSecret(agent.agentId, { overlapSeconds: 3600 });
  await run(3);
  await eventually(() => {
    expect(agent.notes()).toEqual([1, 2, 3]);
    expect(log().filter((line) => line.includes('the signing secret was replaced'))).toHaveLength(
      2,
    );
  });
});
