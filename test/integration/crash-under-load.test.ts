import { copyFileSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, it } from 'vitest';
import { hang, inTurn, once, startAgentServer, status } from '../helpers/agent-server.ts';
import { tempDir } from '../helpers/service-process.ts';
import { inParallel } from '../helpers/in-parallel.ts';
import { eventually, startWorld } from './world.ts';

const TASKS = 1_000;
const CONCURRENCY = 8;

/**
 * What may be sent again after a kill, seen from the agent. A slot is free as soon as the answer is there and its
 * record rides in the commit of the same event-loop turn, so at most one turn's answers are not on disk yet, and
 * at most as many are under way: twice the concurrency.
 */
const IN_FLIGHT = 2 * CONCURRENCY;

it('1,000 tasks and kill -9 three times: each 202 arrives byte for byte, twice only what was in flight', async () => {
  const database = join(tempDir(), 'agentkit.db');
  const world = await startWorld({
    DATABASE_URL: `sqlite:${database}`,
    AGENT_CONCURRENCY: String(CONCURRENCY),
  });
  const restarts = { after: [randomIn(100, 300), randomIn(350, 600), randomIn(650, 950)], done: 0 };
  const agent = await startAgentServer((response, dispatch) => {
    once(new Promise((resolve) => setTimeout(resolve, Math.random() * 10)))(response, dispatch);
  });
  const { agentId } = await world.register(agent);

  const accepted = new Map<string, number>();
  const recordedAtKill: { before: number; delivered: Set<string> }[] = [];
  let back = Promise.resolve();

  async function crash(): Promise<void> {
    const acknowledged = [...accepted.keys()];
    await world.kill();
    // All that the dead process sent has been read once its connections are gone.
    await eventually(() => expect(agent.openConnections()).toBe(0));
    const { all, delivered } = readDatabase(database);
    expect(acknowledged.filter((taskId) => !all.has(taskId))).toEqual([]);
    recordedAtKill.push({ before: agent.dispatches.length, delivered });
    await world.restart();
  }

  /** A client that repeats a request without an answer, with the same Idempotency-Key. */
  async function send(index: number): Promise<void> {
    for (;;) {
      const attempt = world.run(agentId, bodyOf(index), {
        'idempotency-key': `k-${String(index)}`,
      });
      const taskId = await attempt.catch(() => undefined);
      if (taskId !== undefined) {
        accepted.set(taskId, index);
        break;
      }
      await back;
    }
    if (accepted.size >= (restarts.after[restarts.done] ?? Infinity)) {
      restarts.done += 1;
      back = crash();
    }
  }

  await inParallel(TASKS, 32, send);
  await back;
  expect(restarts.done).toBe(3);
  expect(accepted.size).toBe(TASKS);
  await eventually(() =>
    expect(new Set(agent.dispatches.map(({ taskId }) => taskId)).size).toBe(TASKS),
  );
  for (const taskId of accepted.keys()) await world.taskIn('delivered', taskId);

  for (const { taskId, bytes } of agent.dispatches) {
    expect(bytes.toString()).toBe(bodyOf(accepted.get(taskId) ?? -1));
  }
  expect(agent.refused()).toBe(0);
  const inFlight = new Set<string>();
  for (const { before, delivered } of recordedAtKill) {
    const again = agent.dispatches.slice(before).filter(({ taskId }) => delivered.has(taskId));
    expect(again, 'sent again although its delivery was on disk').toEqual([]);
    const last = agent.dispatches.slice(Math.max(0, before - IN_FLIGHT), before);
    for (const { taskId } of last) inFlight.add(taskId);
  }
  const duplicates = agent.dispatches.filter(({ nth }) => nth > 1).map(({ taskId }) => taskId);
  expect(duplicates.filter((taskId) => !inFlight.has(taskId))).toEqual([]);
});

it('what was under way under a long timeout is sent at once after kill -9, whatever the timeout is then', async () => {
  const world = await startWorld({ DISPATCH_TIMEOUT: '30m' });
  const agent = await startAgentServer(inTurn(hang, status(200)));
  const { agentId } = await world.register(agent);
  const taskId = await world.run(agentId);
  await eventually(() => expect(agent.dispatches).toHaveLength(1));
  await world.kill();
  await world.restart({ DISPATCH_TIMEOUT: '1s', WEBHOOK_TIMEOUT: '1s' });
  await world.taskIn('delivered', taskId);
  expect(agent.dispatches).toHaveLength(2);
});

/** Odd whitespace and a number that no JSON library writes so: only the same bytes are equal to it. */
function bodyOf(index: number): string {
  return `{"task_name" : "t",${' '.repeat(index % 7)}"parameters":{"n":${String(index)}.0e0, "s":"\\u00e9é"}}`;
}

function randomIn(from: number, to: number): number {
  return from + Math.floor(Math.random() * (to - from));
}

/** What is on disk right after the kill, read from a copy so that the original is recovered by the service alone. */
function readDatabase(path: string): { all: Set<string>; delivered: Set<string> } {
  const copy = join(tempDir(), 'copy.db');
  for (const suffix of ['', '-wal']) {
    if (existsSync(path + suffix)) copyFileSync(path + suffix, copy + suffix);
  }
  const db = new DatabaseSync(copy);
  try {
    const rows = db.prepare("SELECT id, state FROM deliveries WHERE kind = 'task'").all();
    const ids = (kept: typeof rows) => new Set(kept.map((row) => String(row['id'])));
    return { all: ids(rows), delivered: ids(rows.filter((row) => row['state'] === 'delivered')) };
  } finally {
    db.close();
  }
}
