import { expect, it } from 'vitest';
import { startAgentProcess } from './helpers/agents.ts';
import { eventually } from './helpers/eventually.ts';
import { startOpscore } from './helpers/opscore.ts';
import { startServiceProcess } from './helpers/service.ts';

const FIFTY = Array.from({ length: 50 }, (_, n) => n);

it('an agent killed with -9 and restarted at another port keeps its agentId, and gets the 50 tasks sent meanwhile', async () => {
  const opscore = await startOpscore();
  const { url, client } = await startServiceProcess({ ...opscore.env, PROBE_INTERVAL: '1h' });
  const first = await startAgentProcess(url, opscore);
  await first.child.end('SIGKILL');
  // Half of them while it still counts as online: they fail, and open its breaker. Half while it is offline.
  for (const n of FIFTY.slice(0, 25)) {
    await client.runTask(first.agentId, { task_name: 'note', parameters: { n } });
  }
  await eventually(async () => {
    expect((await client.getAgent(first.agentId)).status).toBe('offline');
  });
  for (const n of FIFTY.slice(25)) {
    await client.runTask(first.agentId, { task_name: 'note', parameters: { n } });
  }
  const second = await startAgentProcess(url, opscore);
  expect(second.agentId).toBe(first.agentId);
  expect(second.url).not.toBe(first.url);
  await eventually(() => {
    expect(second.notes().sort((a, b) => a - b)).toEqual(FIFTY);
  });
  expect(opscore.count('DEREGISTER')).toBe(0);
  // Its address changed, and that is told; nothing else is.
  expect(opscore.count('REGISTER')).toBe(2);
});

it('an agent killed for good is offline within its lease + 10 %, then deregistered once, its tasks reported before', async () => {
  const LEASE_MS = 5_000;
  const opscore = await startOpscore();
  const { url, client } = await startServiceProcess({ ...opscore.env, AGENT_EXPIRY: '2s' });
  const { agentId, child } = await startAgentProcess(url, opscore, { AGENT_LEASE: '5' });
  await eventually(() => {
    expect(opscore.story(agentId)).toEqual(['REGISTER', 'idle']);
  });
  await child.end('SIGKILL');
  const { lastSeenAt } = await client.getAgent(agentId);
  const taskIds: string[] = [];
  for (const n of [1, 2, 3]) {
    const task = { task_name: 'note', parameters: { n }, opscore_task_id: `ops-${String(n)}` };
    taskIds.push((await client.runTask(agentId, task)).taskId);
  }
  await eventually(async () => {
    const { agents } = await client.listAgents({ status: 'offline' });
    expect(agents.map((agent) => agent.agentId)).toEqual([agentId]);
  });
  const { updatedAt } = await client.getAgent(agentId);
  const offlineAfter = Date.parse(updatedAt) - Date.parse(lastSeenAt);
  expect(offlineAfter).toBeGreaterThanOrEqual(LEASE_MS);
  expect(offlineAfter).toBeLessThanOrEqual(LEASE_MS * 1.1);

  await eventually(() => {
    expect(opscore.count('DEREGISTER', agentId)).toBe(1);
  });
  const errors = opscore.heard.filter(({ what }) => what === 'error');
  expect(errors.map(({ details }) => details['taskId']).sort()).toEqual([...taskIds].sort());
  for (const { details } of errors) {
    expect(details).toMatchObject({ error_code: 'dispatch_failed', last_error: 'agent_expired' });
  }
  expect(opscore.story(agentId)).toEqual([
    'REGISTER',
    'idle',
    'error',
    'error',
    'error',
    'DEREGISTER',
  ]);
  for (const taskId of taskIds) {
    expect(await client.getTask(taskId)).toMatchObject({
      state: 'dead',
      lastError: 'agent_expired',
    });
  }
  await expect(client.getAgent(agentId)).rejects.toMatchObject({ code: 'agent_not_found' });
  const { changes } = await client.listChanges();
  const told = changes.map(({ type, agent }) => `${type} ${agent?.status ?? ''}`);
  // Its tasks may have shown it to be unreachable before the lease was over.
  expect(told.filter((event) => event !== 'status unreachable')).toEqual([
    'registered online',
    'status offline',
    'deregistered ',
  ]);
});

it('a handler that blocks its event loop for five leases keeps the lease', async () => {
  const opscore = await startOpscore();
  const { url, client } = await startServiceProcess(opscore.env);
  const { agentId, child } = await startAgentProcess(url, opscore, { AGENT_LEASE: '1' });
  await client.runTask(agentId, { task_name: 'block', parameters: { ms: 5_000 } });
  await child.line('blocking');
  const { changesCursor } = await client.listAgents();
  await child.line('blocked');
  expect((await client.listChanges(changesCursor)).changes).toEqual([]);
  const { status, lastSeenAt } = await client.getAgent(agentId);
  expect(status).toBe('online');
  expect(Date.now() - Date.parse(lastSeenAt)).toBeLessThan(1_000);
});
