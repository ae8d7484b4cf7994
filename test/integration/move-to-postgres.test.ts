import { join } from 'node:path';
import { Webhook } from 'standardwebhooks';
import { expect, it } from 'vitest';
import { hang, startAgentServer, status, type Dispatch } from '../helpers/agent-server.ts';
import { spawnAgentkit } from '../helpers/cli.ts';
import { bareDatabase } from '../helpers/postgres.ts';
import { tempDir } from '../helpers/temp-dir.ts';
import { eventually, every, startWorld, type TaskView } from './world.ts';
import { anEncryptionKey } from '../helpers/secrets.ts';

const OPEN_PROBE = '300ms';

function verifiedBy(secret: string, { bytes, headers }: Dispatch): boolean {
  try {
    new Webhook(secret).verify(bytes, headers as Record<string, string>);
    return true;
  } catch {
    return false;
  }
}

it('a service goes on from SQLite on PostgreSQL where it was', async () => {
  const dir = tempDir();
  const env = {
    DATABASE_URL: `sqlite:${join(dir, 'agentkit.db')}`,
    AGENTKIT_ENCRYPTION_KEY: anEncryptionKey(),
    TASK_RETRY_SCHEDULE: every('2s', 100),
    WEBHOOK_RETRY_SCHEDULE: every('200ms', 100),
    PROBE_INTERVAL: OPEN_PROBE,
    DISPATCH_TIMEOUT: '30m',
  };
  const world = await startWorld(env);
  const { opscore } = world;
  const json = (data: unknown) => JSON.stringify(data);

  // Tasks in every state.
  const good = await startAgentServer();
  const goodAgent = await world.register(good, { metadata: { b: 1, a: [null, '\u0000'] } });
  const deliveredTask = await world.run(goodAgent.agentId);
  await world.taskIn('delivered', deliveredTask);
  good.behave = status(400, { body: 'no' });
  const deadTask = await world.run(goodAgent.agentId);
  await world.taskIn('dead', deadTask);
  good.behave = hang;
  const body = json({ task_name: 'in flight', parameters: { n: 1 } });
  const inFlight = await world.run(goodAgent.agentId, body, { 'idempotency-key': 'once' });
  await eventually(() => expect(good.of(inFlight)).toHaveLength(1));

  // An agent that is down: its lane is held, and its tasks wait. One of them is cancelled.
  const away = await startAgentServer();
  const awayAgent = await world.register(away);
  await away.down();
  const waiting: string[] = [];
  for (let n = 0; n < 30; n += 1)
    waiting.push(await world.run(awayAgent.agentId, { task_name: `w${n}` }));
  await eventually(async () => {
    const { body: agent } = await world.request<{ data: { status: string } }>(
      'GET',
      `/v1/agents/${awayAgent.agentId}`,
    );
    expect(agent.data.status).toBe('unreachable');
  });
  const cancelledTask = waiting.pop() as string;
  await world.request('POST', `/v1/tasks/${cancelledTask}/cancel`);

  // A secret that is being replaced, and a token.
  const rotated = await startAgentServer();
  const { body: registered } = await world.request<{
    data: { agentId: string; agentToken: string; signingSecret: string };
  }>('POST', '/v1/agents/register', {
    ...{ agentName: 'rotated', version: '1', contactEndpoint: rotated.url },
  });
  const { agentId: rotatedId, agentToken, signingSecret: oldSecret } = registered.data;
  const asAgent = { authorization: `Bearer ${agentToken}` };
  const { body: rotation } = await world.request<{ data: { signingSecret: string } }>(
    'POST',
    `/v1/agents/${rotatedId}/signing-secret/rotate`,
    { overlapSeconds: 3_600, hexAfterSeconds: 3_600 },
    asAgent,
  );

  // Ops-Core goes away; what it has to hear of waits in order.
  await eventually(() => expect(opscore.events(rotatedId)).toHaveLength(1));
  const { body: list } = await world.request<{ changes_cursor: string }>('GET', '/v1/agents');
  await opscore.down();
  for (const version of ['2', '3', '4']) {
    await world.request('PATCH', `/v1/agents/${rotatedId}`, { version }, asAgent);
  }
  const { body: key } = await world.request<{ data: { key: string } }>('POST', '/v1/keys', {
    ...{ name: 'ops', scope: 'admin' },
  });
  const asOps = { authorization: `Bearer ${key.data.key}` };
  const views = new Map<string, TaskView>();
  for (const taskId of [deliveredTask, deadTask, cancelledTask]) {
    const { body: view } = await world.request<{ data: TaskView }>(
      'GET',
      `/v1/tasks/${taskId}`,
      undefined,
      asOps,
    );
    views.set(taskId, view.data);
  }
  await world.kill();

  // The move.
  const url = await bareDatabase();
  const moving = spawnAgentkit(['migrate', '--to', url, '--json'], { env, cwd: dir });
  const { code, stdout, stderr } = await moving.ended;
  expect([code, stderr]).toEqual([0, expect.stringMatching(/^moved: /)]);
  const report = JSON.parse(stdout) as { tables: { table: string; source: { rows: number } }[] };
  const rows = new Map(report.tables.map(({ table, source }) => [table, source.rows]));
  expect(rows.get('agents')).toBe(3);
  expect(rows.get('idempotency_keys')).toBe(1);
  expect(rows.get('holds')).toBe(1);

  await world.restart({ DATABASE_URL: url, DISPATCH_TIMEOUT: '5s' });

  // What had ended is as it was, attempts included.
  for (const [taskId, view] of views) {
    const { body: after } = await world.request<{ data: TaskView }>(
      'GET',
      `/v1/tasks/${taskId}`,
      undefined,
      asOps,
    );
    expect(after.data).toEqual(view);
  }
  // The same key and body are the same task; it is sent again, since nobody knows how its attempt ended.
  good.behave = status(200);
  const again = await world.run(goodAgent.agentId, body, { ...asOps, 'idempotency-key': 'once' });
  expect(again).toBe(inFlight);
  await eventually(() => expect(good.of(inFlight)).toHaveLength(2));
  expect(good.refused()).toBe(0);

  // Waiting tasks arrive, each once, signed with the secret that the agent has; cancelled ones do not.
  await away.up();
  await eventually(() => expect(away.dispatches).toHaveLength(waiting.length));
  expect(away.dispatches.map(({ taskId }) => taskId).sort()).toEqual(waiting.toSorted());
  expect(away.refused()).toBe(0);

  // Both secrets sign while they overlap, and the token works.
  await world.run(rotatedId, undefined, asOps);
  await eventually(() => expect(rotated.dispatches).toHaveLength(1));
  for (const secret of [oldSecret, rotation.data.signingSecret]) {
    expect(verifiedBy(secret, rotated.dispatches[0] as Dispatch)).toBe(true);
  }
  const beat = await world.request('POST', `/v1/agents/${rotatedId}/heartbeat`, {}, asAgent);
  expect(beat.status).toBe(200);
  expect((await world.request('GET', '/v1/agents')).status).toBe(401);

  // Webhooks go on in their order, and the changes feed from the position that was given before.
  await opscore.up();
  await world.request('DELETE', `/v1/agents/${rotatedId}`, undefined, asAgent);
  await eventually(() =>
    expect(opscore.events(rotatedId).map((event) => event.agent_details.version)).toEqual([
      '1',
      '2',
      '3',
      '4',
      '4',
    ]),
  );
  expect(opscore.story(rotatedId).at(-1)).toBe('DEREGISTER');
  expect(opscore.mostInFlight()).toBe(1);
  const { status: feed, body: changes } = await world.request<{
    data: { type: string; agentId: string; agent: { version: string } | null }[];
  }>('GET', `/v1/agents/changes?since=${list.changes_cursor}`, undefined, asOps);
  expect(feed).toBe(200);
  expect(
    changes.data
      .filter(({ agentId }) => agentId === rotatedId)
      .map(({ type, agent }) => `${type} ${agent?.version ?? ''}`),
  ).toEqual(['updated 2', 'updated 3', 'updated 4', 'deregistered ']);
});
