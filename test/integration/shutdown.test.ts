import { connect } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { hang, startAgentServer, status } from '../helpers/agent-server.ts';
import { eventually, startWorld } from './world.ts';

const GRACE_MS = 1_000;
const GRACE = { SHUTDOWN_GRACE: `${String(GRACE_MS)}ms` };

it('SIGTERM under load ends with exit code 0 within the grace; 0 lost, 0 duplicates', async () => {
  const world = await startWorld({ ...GRACE, AGENT_CONCURRENCY: '4' });
  const answer = status(200);
  const agent = await startAgentServer((response, dispatch) => {
    setTimeout(() => answer(response, dispatch), 30 + Math.random() * 20);
  });
  const { agentId } = await world.register(agent);

  const accepted: string[] = [];
  let killed: { at: number; gone: Promise<number> } | undefined;
  /** Sends until the service no longer takes anything. */
  async function client(): Promise<void> {
    for (;;) {
      const taskId = await world.run(agentId).catch(() => undefined);
      if (taskId === undefined) return;
      accepted.push(taskId);
      if (accepted.length === 200) {
        const gone = world.service().end('SIGTERM');
        killed = { at: performance.now(), gone: gone.then(() => performance.now()) };
      }
    }
  }
  await Promise.all(Array.from({ length: 16 }, client));
  const took = ((await killed?.gone) ?? Infinity) - (killed?.at ?? 0);
  expect(await world.service().exited).toEqual({ code: 0, signal: null });
  expect(took).toBeLessThan(GRACE_MS);
  expect(world.service().stderr()).toBe('');
  expect(world.service().log().at(-1)?.msg).toBe('shut down');
  // The attempts under way had all the time that they needed, whatever the clients' connections were doing.
  const attempts = world
    .service()
    .log()
    .filter(({ msg }) => msg === 'attempt');
  expect(attempts.filter(({ outcome }) => outcome !== 'delivered')).toEqual([]);
  expect(agent.dispatches.length, 'nothing was left: this shows nothing').toBeLessThan(200);

  agent.behave = status(200);
  await world.restart();
  for (const taskId of accepted) await world.taskIn('delivered', taskId);
  const arrived = new Set(agent.dispatches.map(({ taskId }) => taskId));
  expect(accepted.filter((taskId) => !arrived.has(taskId))).toEqual([]);
  expect(agent.dispatches.filter(({ nth }) => nth > 1)).toEqual([]);
});

describe('SIGTERM ends with exit code 0 within the grace', () => {
  it('while an agent hangs, which gets the task after the restart', async () => {
    // Being cut off by our own shutdown is no failure of the agent's: it waits for no retry.
    const world = await startWorld({
      ...GRACE,
      DISPATCH_TIMEOUT: '5m',
      TASK_RETRY_SCHEDULE: '1h',
    });
    const agent = await startAgentServer(hang);
    const { agentId } = await world.register(agent);
    const taskId = await world.run(agentId);
    await eventually(() => expect(agent.dispatches).toHaveLength(1));

    const start = performance.now();
    expect(await world.service().end('SIGTERM')).toEqual({ code: 0, signal: null });
    expect(performance.now() - start).toBeLessThan(GRACE_MS);
    agent.behave = status(200);
    await world.restart();
    const { attempts } = await world.taskIn('delivered', taskId);
    expect(attempts.map(({ outcome, errorClass }) => [outcome, errorClass])).toEqual([
      ['retry', 'interrupted'],
      ['delivered', null],
    ]);
    expect(agent.dispatches.map(({ attempt }) => attempt)).toEqual([1, 2]);
  });

  it('while Ops-Core hangs, which gets both events in order after the restart', async () => {
    const { opscore, ...world } = await startWorld({ ...GRACE, WEBHOOK_TIMEOUT: '5m' });
    opscore.fail = () => new Promise(() => undefined);
    const { agentId } = await world.register('http://127.0.0.1:9/');
    await world.request('DELETE', `/v1/agents/${agentId}`);
    await eventually(() => expect(opscore.arrivals).toHaveLength(1));

    expect(await world.service().end('SIGTERM')).toEqual({ code: 0, signal: null });
    opscore.fail = () => undefined;
    await world.restart();
    await eventually(() => expect(opscore.story(agentId)).toEqual(['REGISTER', 'DEREGISTER']));
  });

  it('while a client does not finish its request', async () => {
    const world = await startWorld(GRACE);
    const { hostname, port } = new URL(world.service().url);
    const socket = connect(Number(port), hostname);
    onTestFinished(() => void socket.destroy());
    socket.on('error', () => undefined);
    const connected = new Promise((resolve) => socket.once('connect', resolve));
    socket.write('POST /v1/agents/register HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n{');
    await connected;
    // Its request was read by the time that one which came after it is answered.
    expect((await world.request('GET', '/livez')).status).toBe(200);
    expect(await world.service().end('SIGTERM')).toEqual({ code: 0, signal: null });
  });
});

it('a request begun before SIGTERM gets its answer, with which its connection ends', async () => {
  const world = await startWorld({ SHUTDOWN_GRACE: '10s' });
  const { agentId } = await world.register('http://127.0.0.1:9/');
  const { url } = world.service();
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  onTestFinished(() => void socket.destroy());
  let answer = '';
  socket.setEncoding('utf8').on('data', (text: string) => (answer += text));
  const ended = new Promise((resolve) => socket.once('close', resolve));
  const body = '{"task_name":"t"}';
  socket.write(
    `POST /v1/agents/${agentId}/run HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n` +
      `content-length: ${String(body.length)}\r\n\r\n${body.slice(0, 5)}`,
  );
  expect((await world.request('GET', '/livez')).status).toBe(200);
  const exit = world.service().end('SIGTERM');
  await eventually(() => expect(fetch(`${url}/livez`)).rejects.toThrow());
  socket.write(body.slice(5));
  await ended;
  expect(answer).toMatch(/^HTTP\/1\.1 202 /);
  expect(answer).toMatch(/\r\nconnection: close\r\n/i);
  expect(await exit).toEqual({ code: 0, signal: null });
  await world.restart();
  const { taskId } = (JSON.parse(answer.slice(answer.indexOf('{'))) as { data: { taskId: string } })
    .data;
  expect((await world.task(taskId)).name).toBe('t');
});

it('a successor on the same file waits for its predecessor to drain, then goes on', async () => {
  const world = await startWorld({ ...GRACE, DISPATCH_TIMEOUT: '5m' });
  const agent = await startAgentServer(hang);
  const { agentId } = await world.register(agent);
  const taskId = await world.run(agentId);
  await eventually(() => expect(agent.dispatches).toHaveLength(1));
  const predecessor = world.service();
  const ended = predecessor.end('SIGTERM');
  agent.behave = status(200);
  await world.restart();
  expect(await ended).toEqual({ code: 0, signal: null });
  await world.taskIn('delivered', taskId);
  expect(agent.dispatches).toHaveLength(2);
});
