import { copyFileSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { v7 as uuidv7 } from 'uuid';
import { expect, it } from 'vitest';
import { startAgentServer, status } from '../helpers/agent-server.ts';
import { tempDir } from '../helpers/service-process.ts';
import { eventually, startWorld, type World } from './world.ts';
import { inParallel } from '../helpers/in-parallel.ts';

interface Replay {
  readonly replayId: string;
  readonly state: string;
  readonly total: number;
  readonly replayed: number;
  readonly skipped: number;
}

async function replays(world: World, filter: object): Promise<Replay> {
  const answer = await world.request<{ data: Replay }>('POST', '/v1/replays', { filter });
  expect(answer.status).toBe(202);
  return answer.body.data;
}

async function replayOf(world: World, id: string): Promise<Replay> {
  return (await world.request<{ data: Replay }>('GET', `/v1/replays/${id}`)).body.data;
}

interface Page {
  readonly data: unknown[];
  readonly next_cursor: string | null;
}

async function countOf(world: World, query: string, cursor?: string): Promise<number> {
  const from = cursor === undefined ? '' : `&cursor=${cursor}`;
  const { body } = await world.request<Page>('GET', `/v1/deliveries?limit=1000&${query}${from}`);
  const { data, next_cursor: next } = body;
  return data.length + (next === null ? 0 : await countOf(world, query, next));
}

it('a broken Ops-Core with 500 events waiting: seen, counted, and all replayed after the mend, over kill -9', async () => {
  const world = await startWorld({ WEBHOOK_RETRY_SCHEDULE: '1ms' });
  const { opscore } = world;
  // It has lost the secret: every event is refused for good.
  opscore.fail = () => 401;
  const agentIds: string[] = [];
  await inParallel(250, 16, async (n) => {
    const { agentId } = await world.register('http://127.0.0.1:9/', { agentName: `a${String(n)}` });
    agentIds.push(agentId);
    await world.request('PATCH', `/v1/agents/${agentId}`, { version: '2.0.0' });
  });
  await eventually(async () => expect(await countOf(world, 'kind=webhook&state=dead')).toBe(500));
  expect(await countOf(world, 'error_class=http_status')).toBe(500);

  const dryRun = { filter: { kind: 'webhook' }, dryRun: true };
  const counted = await world.request('POST', '/v1/replays', dryRun);
  expect(counted).toMatchObject({ status: 200, body: { data: { dryRun: true, total: 500 } } });

  const mendedAt = opscore.arrivals.length;
  opscore.fail = () => undefined;
  const { replayId, total } = await replays(world, { kind: 'webhook' });
  expect(total).toBe(500);
  // In the middle of it, twice.
  for (let kills = 0; kills < 2; kills += 1) {
    await world.kill();
    await world.restart();
  }
  await eventually(async () =>
    expect(await replayOf(world, replayId)).toMatchObject({
      state: 'done',
      replayed: 500,
      skipped: 0,
    }),
  );
  await eventually(async () =>
    expect(await countOf(world, 'kind=webhook&state=delivered')).toBe(500),
  );
  for (const agentId of agentIds) {
    const versions = opscore.events(agentId).map(({ agent_details }) => agent_details.version);
    // At least once each, and the first arrivals in order.
    expect([...new Set(versions)]).toEqual(['1.0.0', '2.0.0']);
  }
  expect(opscore.mostInFlight()).toBe(1);
  const again = opscore.arrivals.slice(mendedAt);
  const ids = again.map(({ headers }) => headers['webhook-id']);
  expect(new Set(ids).size).toBe(500);
  // Twice only what was in flight at a kill: 128 attempts to Ops-Core at the most.
  expect(ids.length).toBeLessThanOrEqual(500 + 2 * 128);
});

const DEAD = 6_000;

/** Straight into the file of a service that is not running: dead tasks of an agent, a second old. */
function addDeadTasks(file: string, agentId: string): void {
  const db = new DatabaseSync(file);
  db.exec('BEGIN');
  const insert = db.prepare(`
    INSERT INTO deliveries (id, kind, agent_id, lane, ordered, name, state, due_at, epoch, attempt_count, created_at,
      finished_at, last_error)
    VALUES (?, 'task', ?, ?, 0, 't', 'dead', 0, 1, 0, ?, ?, 'http_503')`);
  const failure = db.prepare("INSERT INTO failures VALUES (?, 'dead', ?, 'http_status')");
  const payload = db.prepare('INSERT INTO payloads (seq, body, traceparent) VALUES (?, ?, NULL)');
  const at = Date.now() - 1_000;
  for (let i = 0; i < DEAD; i += 1) {
    const { lastInsertRowid } = insert.run(uuidv7(), agentId, `task:${agentId}`, at, at);
    failure.run(lastInsertRowid, agentId);
    payload.run(lastInsertRowid, Buffer.from('{"task_name":"t"}'));
  }
  db.exec('COMMIT');
  db.close();
}

/** Right after the kill, from a copy, so that the original is recovered by the service alone. */
function replayedOnDisk(file: string): number {
  const copy = join(tempDir(), 'copy.db');
  for (const suffix of ['', '-wal']) {
    if (existsSync(file + suffix)) copyFileSync(file + suffix, copy + suffix);
  }
  const db = new DatabaseSync(copy);
  const row = db.prepare('SELECT replayed FROM replays').get();
  db.close();
  return Number(row?.['replayed']);
}

it('kill -9 in the middle of a replay of 6,000 tasks: each is sent, twice only what was in flight', async () => {
  const database = join(tempDir(), 'agentkit.db');
  const world = await startWorld({ DATABASE_URL: `sqlite:${database}`, AGENT_CONCURRENCY: '64' });
  const agent = await startAgentServer();
  const { agentId } = await world.register(agent);
  await world.kill();
  addDeadTasks(database, agentId);
  await world.restart();

  const { replayId, total } = await replays(world, { kind: 'task', errorClass: 'http_status' });
  expect(total).toBe(DEAD);
  let before = 0;
  for (let kills = 0; kills < 2; kills += 1) {
    await eventually(async () => {
      const { replayed } = await replayOf(world, replayId);
      expect(replayed).toBeGreaterThan(before);
    });
    await world.kill();
    before = replayedOnDisk(database);
    if (kills === 0) expect(before).toBeLessThan(DEAD);
    await world.restart();
  }
  await eventually(async () =>
    expect(await replayOf(world, replayId)).toMatchObject({
      state: 'done',
      replayed: DEAD,
      skipped: 0,
    }),
  );
  await eventually(() =>
    expect(new Set(agent.dispatches.map(({ taskId }) => taskId)).size).toBe(DEAD),
  );
  await eventually(async () => expect(await countOf(world, 'state=scheduled')).toBe(0));
  expect(await countOf(world, 'state=dead')).toBe(0);
  // At each kill at most as many are under way, and as many answered and not yet on disk.
  expect(agent.dispatches.length).toBeLessThanOrEqual(DEAD + 2 * 2 * 64);
});

it('a replay brings nobody back who is gone, and no task to nobody', async () => {
  const world = await startWorld({ WEBHOOK_RETRY_SCHEDULE: '1ms', TASK_RETRY_SCHEDULE: '1ms' });
  const { opscore } = world;
  const agent = await startAgentServer(status(400));
  opscore.fail = ({ kind }) => (kind === 'webhook' ? 400 : undefined);
  const { agentId } = await world.register(agent);
  const taskId = await world.run(agentId);
  await world.taskIn('dead', taskId);
  await eventually(async () => expect(await countOf(world, 'kind=webhook&state=dead')).toBe(1));
  opscore.fail = () => undefined;
  await world.request('DELETE', `/v1/agents/${agentId}`);
  await eventually(() => expect(opscore.story(agentId)).toContain('DEREGISTER'));

  const { replayId, total } = await replays(world, { agentId });
  await eventually(async () => expect((await replayOf(world, replayId)).state).toBe('done'));
  // REGISTER comes after DEREGISTER; the task has nobody. Its report, if it died as well, is sent.
  expect(await replayOf(world, replayId)).toMatchObject({ total, skipped: 2 });
  expect(opscore.events(agentId).map(({ event_type }) => event_type)).toEqual(['DEREGISTER']);
  expect(agent.dispatches).toHaveLength(1);
  await world.taskIn('dead', taskId);
});

it('a dead task that is retried reaches the agent under its id, and its death is reported again', async () => {
  const world = await startWorld({ TASK_RETRY_SCHEDULE: '1ms' });
  const agent = await startAgentServer(status(503));
  const { agentId } = await world.register(agent);
  const taskId = await world.run(agentId, { task_name: 'work', opscore_task_id: 'ot-1' });
  await world.taskIn('dead', taskId);
  expect((await world.request('POST', `/v1/deliveries/${taskId}/retry`)).status).toBe(200);
  await eventually(async () => expect((await world.task(taskId)).attempts).toHaveLength(4));
  await world.taskIn('dead', taskId);
  await eventually(() => expect(world.opscore.reports(agentId)).toHaveLength(2));
  agent.behave = status(202);
  expect((await world.request('POST', `/v1/deliveries/${taskId}/retry`)).status).toBe(200);
  const { attempts } = await world.taskIn('delivered', taskId);
  expect(attempts.map(({ number }) => number)).toEqual([1, 2, 3, 4, 5]);
  expect(agent.of(taskId).map(({ bytes }) => bytes.toString())).toEqual(
    Array(5).fill('{"task_name":"work","opscore_task_id":"ot-1"}'),
  );
  expect(agent.refused()).toBe(0);
});
