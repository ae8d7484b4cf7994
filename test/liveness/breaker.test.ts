import { DatabaseSync } from 'node:sqlite';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { AgentKitClient } from '../../src/sdk/index.ts';
import { startAgentProcess, startEndpoint } from './helpers/agents.ts';
import { eventually } from './helpers/eventually.ts';
import { startOpscore } from './helpers/opscore.ts';
import { startServiceProcess } from './helpers/service.ts';

const PROBE_MS = 1_000;
const ENV = { PROBE_INTERVAL: '1s', TASK_RETRY_SCHEDULE: '1s,1s,1s' };

/** Sends tasks 100 at a time; resolves with their ids. */
async function sendTasks(client: AgentKitClient, agentId: string, count: number) {
  const ids: string[] = [];
  while (ids.length < count) {
    const batch = Array.from({ length: Math.min(100, count - ids.length) }, () =>
      client.runTask(agentId, { task_name: 'note', parameters: { n: 1 } }),
    );
    ids.push(...(await Promise.all(batch)).map(({ taskId }) => taskId));
  }
  return ids;
}

async function register(client: AgentKitClient, agentName: string, contactEndpoint: string) {
  return (await client.registerAgent({ agentName, version: '1', contactEndpoint })).agentId;
}

const statusOf = async (client: AgentKitClient, agentId: string) =>
  (await client.getAgent(agentId)).status;

describe('an agent that refuses connections with 10,000 tasks waiting', () => {
  it('is probed once per interval, burns no attempts, holds up nobody, and drains on recovery', async () => {
    const service = await startServiceProcess(ENV);
    const { client } = service;
    const broken = await startEndpoint({ on: false });
    const agentId = await register(client, 'broken', broken.url);
    const healthy = await startEndpoint();
    const otherId = await register(client, 'healthy', healthy.url);

    const taskIds = await sendTasks(client, agentId, 10_000);
    await eventually(async () => {
      expect(await statusOf(client, agentId)).toBe('unreachable');
    });

    // From one probe to the sixth after it: five intervals at least.
    const connectionAt = (count: number): Promise<number> => {
      return eventually(() => {
        const at = broken.connectedAt[count - 1];
        if (at === undefined) throw new Error(`no connection ${String(count)} yet`);
        return at;
      });
    };
    const before = broken.connections();
    const firstAt = await connectionAt(before + 1);
    const sent = await sendTasks(client, otherId, 500);
    await eventually(() => {
      expect(new Set(healthy.taken)).toEqual(new Set(sent));
    });
    const sixthAt = await connectionAt(before + 6);
    // Half an interval is left for this process, which may have seen the first of them late.
    expect(sixthAt - firstAt).toBeGreaterThanOrEqual(PROBE_MS * 4.5);

    await service.child().end('SIGTERM');
    const rows = attemptsOf(join(service.cwd, 'data/agentkit.db'), agentId);
    expect(rows.states).toEqual(['scheduled']);
    // The five that opened the breaker count; attempts under way at that moment, and probes, do not.
    expect(rows.burnt).toBeLessThanOrEqual(5);
    const counted = broken.connections();
    expect(rows.attempts).toBe(counted);

    // Open over the restart, and still one probe per interval.
    await service.start();
    expect(await statusOf(client, agentId)).toBe('unreachable');
    const restarted = await connectionAt(counted + 1);
    const third = await connectionAt(counted + 3);
    expect(third - restarted).toBeGreaterThanOrEqual(PROBE_MS * 1.5);

    broken.on = true;
    await eventually(() => {
      expect(new Set(broken.taken).size).toBe(10_000);
    });
    expect(new Set(broken.taken)).toEqual(new Set(taskIds));
    expect(await statusOf(client, agentId)).toBe('online');
  });

  it('keeps to its interval over a restart right after a probe', async () => {
    const service = await startServiceProcess({ ...ENV, PROBE_INTERVAL: '1h' });
    const { client } = service;
    const broken = await startEndpoint({ on: false });
    const agentId = await register(client, 'broken', broken.url);
    await sendTasks(client, agentId, 30);
    await eventually(async () => {
      expect(await statusOf(client, agentId)).toBe('unreachable');
    });
    // What was in flight as the breaker opened has ended once the process has.
    await service.child().end('SIGTERM');
    const counted = broken.connections();
    await service.start();
    // A healthy agent's tasks went through after all that was due.
    const healthy = await startEndpoint();
    await sendTasks(client, await register(client, 'healthy', healthy.url), 200);
    await eventually(() => {
      expect(healthy.taken).toHaveLength(200);
    });
    await service.child().end('SIGKILL');
    await service.start();
    await sendTasks(client, agentId, 1);
    await sendTasks(client, await register(client, 'third', healthy.url), 200);
    // What was taken just before the kill and not yet recorded comes again.
    await eventually(() => {
      expect(new Set(healthy.taken).size).toBe(400);
    });
    expect(broken.connections()).toBe(counted);
  });

  it('is tried at once when it registers again, or an operator gives it another address', async () => {
    const opscore = await startOpscore();
    const { client, url } = await startServiceProcess({ ...opscore.env, PROBE_INTERVAL: '1h' });
    const broken = await startEndpoint({ on: false });
    const agentId = await register(client, 'agent', broken.url);
    const open = async () => {
      await sendTasks(client, agentId, 10);
      await eventually(async () => {
        expect(await statusOf(client, agentId)).toBe('unreachable');
      });
    };
    await open();
    const healthy = await startEndpoint();
    await client.patchAgent(agentId, { version: '2' });
    expect(await statusOf(client, agentId)).toBe('unreachable');
    await client.patchAgent(agentId, { contactEndpoint: healthy.url });
    expect(await statusOf(client, agentId)).toBe('online');
    await eventually(() => {
      expect(new Set(healthy.taken).size).toBe(10);
    });
    await client.patchAgent(agentId, { contactEndpoint: broken.url });
    await open();
    const agent = await startAgentProcess(url, opscore, { AGENT_LEASE: '30' });
    expect(agent.agentId).toBe(agentId);
    await eventually(() => {
      expect(agent.notes()).toHaveLength(10);
    });
  });
});

it('the tasks of an agent that is offline wait without an attempt, over a restart too, and come with its heartbeat', async () => {
  const service = await startServiceProcess(ENV);
  const { client } = service;
  const endpoint = await startEndpoint();
  const agent = { agentName: 'silent', version: '1', contactEndpoint: endpoint.url };
  const { agentId } = await client.registerAgent({ ...agent, leaseSeconds: 1 });
  await eventually(async () => {
    expect(await statusOf(client, agentId)).toBe('offline');
  });
  const sent = await sendTasks(client, agentId, 20);
  const healthy = await startEndpoint();
  const otherId = await register(client, 'healthy', healthy.url);
  await sendTasks(client, otherId, 200);
  await service.child().end('SIGKILL');
  await service.start();
  await sendTasks(client, otherId, 200);
  // All that was due has gone out by then, and the silent agent's endpoint heard of nothing.
  await eventually(() => {
    expect(new Set(healthy.taken).size).toBe(400);
  });
  expect(endpoint.connections()).toBe(0);
  expect(await statusOf(client, agentId)).toBe('offline');
  await client.heartbeat(agentId);
  await eventually(() => {
    expect(new Set(endpoint.taken)).toEqual(new Set(sent));
  });
  expect(await client.getTask(String(sent[0]))).toMatchObject({
    state: 'delivered',
    attemptCount: 1,
  });
});

/** Straight from the file: every task of the agent, in one look. */
function attemptsOf(file: string, agentId: string) {
  const db = new DatabaseSync(file, { readOnly: true });
  const row = db
    .prepare(
      `SELECT sum(attempt_count) AS attempts, sum(attempt_count - unburnt_count) AS burnt,
         group_concat(DISTINCT state) AS states
       FROM deliveries WHERE agent_id = ? AND kind = 'task'`,
    )
    .get(agentId);
  db.close();
  return {
    attempts: Number(row?.['attempts']),
    burnt: Number(row?.['burnt']),
    states: String(row?.['states']).split(','),
  };
}
