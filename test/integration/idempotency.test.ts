import { connect } from 'node:net';
import { expect, it } from 'vitest';
import { startAgentServer } from '../helpers/agent-server.ts';
import { eventually, startWorld, type World } from './world.ts';

const body = (n: number) => `{"task_name":"t","n":${String(n)}}`;
const key = (n: number) => ({ 'idempotency-key': `key-${String(n)}` });

async function tasksOf({ request }: World, agentId: string): Promise<number> {
  const answer = await request<{ data: unknown[] }>(
    'GET',
    `/v1/agents/${agentId}/tasks?limit=1000`,
  );
  return answer.body.data.length;
}

/** Writes the request and cuts the connection as soon as the bytes have left. */
function runAndHangUp(url: string, agentId: string, n: number): Promise<void> {
  const { hostname, port } = new URL(url);
  const text =
    `POST /v1/agents/${agentId}/run HTTP/1.1\r\nhost: ${hostname}\r\ncontent-type: application/json\r\n` +
    `idempotency-key: key-${String(n)}\r\ncontent-length: ${String(body(n).length)}\r\n\r\n${body(n)}`;
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => {
      socket.write(text, () => socket.destroy());
    });
    socket.once('error', reject).once('close', () => resolve());
  });
}

it('a client that hangs up before its 202 and repeats with the same key has one task', async () => {
  const world = await startWorld();
  const agent = await startAgentServer();
  const { agentId } = await world.register(agent);
  const rounds = 60;
  for (let n = 0; n < rounds; n += 1) {
    await runAndHangUp(world.service().url, agentId, n);
    // In every other round the repetition races with the request that was cut off.
    if (n % 2 === 0) {
      await eventually(async () => expect(await tasksOf(world, agentId)).toBe(n + 1));
    }
    await world.run(agentId, body(n), key(n));
  }
  expect(await tasksOf(world, agentId)).toBe(rounds);
  await eventually(() => expect(agent.dispatches.length).toBeGreaterThanOrEqual(rounds));
  const texts = agent.dispatches.map(({ bytes }) => bytes.toString());
  expect(texts.toSorted()).toEqual(Array.from({ length: rounds }, (_, n) => body(n)).toSorted());
});

it('the same key gives the same taskId, at once, together and after kill -9; another body 409', async () => {
  const world = await startWorld();
  const agent = await startAgentServer();
  const { agentId } = await world.register(agent);
  const together = await Promise.all(
    Array.from({ length: 20 }, () => world.run(agentId, body(1), key(1))),
  );
  const [taskId = ''] = together;
  expect(new Set(together).size).toBe(1);
  await world.taskIn('delivered', taskId);

  await world.kill();
  await world.restart();
  expect(await world.run(agentId, body(1), key(1))).toBe(taskId);

  const path = `/v1/agents/${agentId}/run`;
  // The same JSON in other bytes is another body: what the agent gets is bytes.
  for (const other of [body(2), `${body(1)} `]) {
    const conflict = await world.request('POST', path, other, key(1));
    expect(conflict).toMatchObject({ status: 409, body: { error_code: 'idempotency_conflict' } });
  }
  const another = await world.register(agent.url);
  expect(await world.run(another.agentId, body(1), key(1))).not.toBe(taskId);
  expect(await world.run(agentId, body(1), key(2))).not.toBe(taskId);
  expect(await tasksOf(world, agentId)).toBe(2);
  expect(agent.of(taskId)).toHaveLength(1);
});
