import type { ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import { eventually } from '../helpers/eventually.ts';
import { emptyDatabase, query } from '../helpers/postgres.ts';
import { aSecret } from '../helpers/secrets.ts';
import { startReceiver, startReplicas, startReplicasOn, type Replica } from './steps.ts';

const two = async (env: Readonly<Record<string, string>> = {}) =>
  (await startReplicas(2, env)) as [Replica, Replica];

describe('services on one database', () => {
  it('deliver each task once, whichever of them took it', async () => {
    const both = await two();
    const agent = await startReceiver();
    const { agentId } = await both[0].client.registerAgent({
      agentName: 'a',
      version: '1',
      contactEndpoint: agent.url,
    });
    const receipts = await Promise.all(
      Array.from({ length: 400 }, (_, i) =>
        (both[i % 2] as Replica).client.runTask(agentId, { task_name: `t${i}` }),
      ),
    );
    await eventually(() => agent.received.length >= 400, 'all arrive');
    await eventually(() => allEnded(both[1], agentId, 400), 'all are recorded');
    expect(agent.received.map(({ taskId }) => taskId).toSorted()).toEqual(
      receipts.map(({ taskId }) => taskId).toSorted(),
    );
  });

  it('send the webhooks of an agent in order, with failures, whoever caused them', async () => {
    let answers = 0;
    const opscore = await startReceiver((response) => {
      answers += 1;
      response.writeHead(answers % 5 === 0 ? 500 : 202).end();
    });
    const both = await two({
      OPSCORE_WEBHOOK_URL: opscore.url,
      OPSCORE_WEBHOOK_SECRET: aSecret('OPSCORE_WEBHOOK_SECRET'),
      WEBHOOK_RETRY_SCHEDULE: '10ms,10ms,10ms,10ms,10ms,10ms',
    });
    const { agentId } = await both[0].client.registerAgent({
      agentName: 'a',
      version: '0',
      contactEndpoint: 'http://127.0.0.1:1/',
    });
    for (let version = 1; version <= 40; version += 1) {
      await (both[version % 2] as Replica).client.patchAgent(agentId, {
        version: String(version),
      });
    }
    await both[1].client.deregisterAgent(agentId);
    const told = () =>
      opscore.received
        .filter((_, index) => (index + 1) % 5 !== 0)
        .map(({ body }) => {
          const { event_type, agent_details } = JSON.parse(body) as {
            event_type: string;
            agent_details: { version: string };
          };
          return `${event_type} ${agent_details.version}`;
        });
    await eventually(() => told().at(-1)?.startsWith('DEREGISTER') === true, 'all is told');
    expect(told()).toEqual([
      ...Array.from({ length: 41 }, (_, version) => `REGISTER ${version}`),
      'DEREGISTER 40',
    ]);
    expect(opscore.mostInFlight()).toBe(1);
  });

  it('start no attempt of a task after its cancel was answered by either', async () => {
    const both = await two({ AGENT_CONCURRENCY: '2' });
    const waiting: ServerResponse[] = [];
    const agent = await startReceiver((response) => waiting.push(response));
    const { agentId } = await both[0].client.registerAgent({
      agentName: 'a',
      version: '1',
      contactEndpoint: agent.url,
    });
    const receipts = await Promise.all(
      Array.from({ length: 60 }, (_, i) =>
        (both[i % 2] as Replica).client.runTask(agentId, { task_name: `t${i}` }),
      ),
    );
    // One by one the agent takes them, while they are cancelled at the other service.
    const state = { running: true };
    const taking = (async () => {
      while (state.running) {
        waiting.shift()?.writeHead(202).end();
        await new Promise((resolve) => setImmediate(resolve));
      }
    })();
    const cancelledAt = new Map<string, number>();
    await Promise.all(
      receipts.toReversed().map(async ({ taskId }, i) => {
        const task = await (both[i % 2] as Replica).client
          .cancelTask(taskId)
          .catch(() => undefined);
        if (task?.state === 'cancelled') cancelledAt.set(taskId, performance.now());
      }),
    );
    expect(cancelledAt.size).toBeGreaterThan(0);
    await eventually(() => allEnded(both[0], agentId, 60), 'all end');
    state.running = false;
    await taking;
    const late = agent.received.filter(
      ({ taskId, at }) => at > (cancelledAt.get(taskId) ?? Number.POSITIVE_INFINITY),
    );
    expect(late).toEqual([]);
  });

  it('have no transaction open while they wait for an agent', async () => {
    const url = await emptyDatabase();
    const [replica] = (await startReplicasOn(url, 1)) as [Replica];
    const waiting: ServerResponse[] = [];
    const agent = await startReceiver((response) => waiting.push(response));
    const { agentId } = await replica.client.registerAgent({
      agentName: 'a',
      version: '1',
      contactEndpoint: agent.url,
    });
    await Promise.all(
      Array.from({ length: 30 }, (_, i) => replica.client.runTask(agentId, { task_name: `t${i}` })),
    );
    await eventually(() => waiting.length === 16, 'all slots are taken');
    const [row] = await query(url, 'SELECT clock_timestamp() AS now');
    await eventually(async () => {
      const open = await query(
        url,
        `SELECT query FROM pg_stat_activity
         WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start <= $1`,
        [row?.['now']],
      );
      return open.length === 0;
    }, 'every transaction from before ends');
    expect(agent.inFlight()).toBe(16);
    for (const response of waiting) response.writeHead(202).end();
  });

  it('share out what one agent is given at a time', async () => {
    const both = await two({ AGENT_CONCURRENCY: '6' });
    const agent = await startReceiver((response) => {
      setTimeout(() => response.writeHead(202).end(), 10);
    });
    const { agentId } = await both[0].client.registerAgent({
      agentName: 'a',
      version: '1',
      contactEndpoint: agent.url,
    });
    await Promise.all(
      Array.from({ length: 60 }, (_, i) =>
        (both[i % 2] as Replica).client.runTask(agentId, { task_name: `t${i}` }),
      ),
    );
    await eventually(() => allEnded(both[0], agentId, 60), 'all end');
    expect(agent.mostInFlight()).toBeLessThanOrEqual(6);
  });

  it('hand over what one of them holds when it is closed', async () => {
    const [leaving, staying] = await two({ AGENT_CONCURRENCY: '2' });
    const waiting: ServerResponse[] = [];
    let open = false;
    const agent = await startReceiver((response) => {
      if (open) response.writeHead(202).end();
      else waiting.push(response);
    });
    const { agentId } = await staying.client.registerAgent({
      agentName: 'a',
      version: '1',
      contactEndpoint: agent.url,
    });
    const receipts = await Promise.all(
      Array.from({ length: 20 }, (_, i) => leaving.client.runTask(agentId, { task_name: `t${i}` })),
    );
    await eventually(() => waiting.length > 0, 'the first attempts begin');
    const closed = leaving.close();
    open = true;
    for (const one of waiting) one.writeHead(202).end();
    await closed;
    await eventually(() => agent.received.length >= 20, 'the rest arrives');
    expect(new Set(agent.received.map(({ taskId }) => taskId)).size).toBe(receipts.length);
    expect(agent.received).toHaveLength(20);
  });

  it('replay dead letters, each once, and one goes on where another was closed', async () => {
    const [leaving, staying] = await two();
    let broken = true;
    const agent = await startReceiver((response) => {
      response.writeHead(broken ? 400 : 202).end();
    });
    const { agentId } = await staying.client.registerAgent({
      agentName: 'a',
      version: '1',
      contactEndpoint: agent.url,
    });
    await Promise.all(
      Array.from({ length: 1_000 }, (_, i) =>
        (i % 2 ? leaving : staying).client.runTask(agentId, { task_name: `t${i}` }),
      ),
    );
    await eventually(() => allEnded(staying, agentId, 1_000), 'all die');
    broken = false;
    const before = agent.received.length;
    const filter = { agentId, errorClass: 'http_status' };
    expect(await staying.client.countReplay(filter)).toBe(1_000);
    const { replayId, total } = await leaving.client.createReplay(filter);
    expect(total).toBe(1_000);
    await leaving.close();
    await eventually(
      async () => (await staying.client.getReplay(replayId)).state === 'done',
      'the other goes on',
    );
    expect(await staying.client.getReplay(replayId)).toMatchObject({ replayed: 1_000, skipped: 0 });
    await eventually(() => agent.received.length - before >= 1_000, 'all arrive');
    await eventually(() => allEnded(staying, agentId, 1_000), 'all end');
    const again = agent.received.slice(before).map(({ taskId }) => taskId);
    expect(new Set(again).size).toBe(1_000);
    expect(again).toHaveLength(1_000);
    const dead = await staying.client.listDeliveries({ state: 'dead' });
    expect(dead).toEqual({ deliveries: [], nextCursor: null });
  });

  it('stop sending to an agent that is paused at one of them, and go on when it is resumed at the other', async () => {
    const both = await two({ AGENT_CONCURRENCY: '4' });
    const waiting: ServerResponse[] = [];
    let open = false;
    const agent = await startReceiver((response) => {
      if (open) response.writeHead(202).end();
      else waiting.push(response);
    });
    const { agentId } = await both[0].client.registerAgent({
      agentName: 'a',
      version: '1',
      contactEndpoint: agent.url,
    });
    await Promise.all(
      Array.from({ length: 60 }, (_, i) =>
        (both[i % 2] as Replica).client.runTask(agentId, { task_name: `t${i}` }),
      ),
    );
    await eventually(() => waiting.length === 4, 'all slots are taken');
    await both[0].client.pauseAgent(agentId);
    // The other hears of it, and gives back what it holds: nothing of the lane is leased but what is in flight.
    await eventually(async () => {
      const found: string[] = [];
      for await (const { deliveryId } of both[1].client.iterateDeliveries({
        agentId,
        state: 'scheduled',
      })) {
        const { waitsFor } = await both[1].client.getDelivery(deliveryId);
        if (waitsFor === 'attempt') found.push(deliveryId);
      }
      return found.length === 4;
    }, 'the other lets go of what it holds');
    open = true;
    for (const response of waiting) response.writeHead(202).end();
    await eventually(() => agent.inFlight() === 0, 'what was under way ends');
    await both[0].client.runTask(agentId, { task_name: 'late' });
    expect(
      (await both[1].client.listTasks(agentId, { limit: 100 })).tasks.filter(
        ({ state }) => state === 'scheduled',
      ),
    ).toHaveLength(57);
    expect(agent.received).toHaveLength(4);
    await both[1].client.resumeAgent(agentId);
    await eventually(() => allEnded(both[0], agentId, 61), 'all end');
    expect(agent.received).toHaveLength(61);
  });

  it('are closed by the first key, wherever it was made', async () => {
    const [one, other] = await two();
    await other.client.listAgents();
    await one.client.createKey({ name: 'ops', scope: 'admin' });
    await eventually(
      () =>
        other.client.listAgents().then(
          () => false,
          () => true,
        ),
      'the other asks for a key as well',
    );
  });
});

async function allEnded({ client }: Replica, agentId: string, count: number): Promise<boolean> {
  const { tasks } = await client.listTasks(agentId, { limit: 1_000 });
  return tasks.length === count && tasks.every(({ state }) => state !== 'scheduled');
}
