import { createServer, type AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  hang,
  inTurn,
  reset,
  startAgentServer,
  status,
  type AgentServer,
  type Behaviour,
  type Dispatch,
} from '../helpers/agent-server.ts';
import { eventually, startWorld, type TaskView, type World } from './world.ts';

const RETRY_MS = 150;
/** Jitter takes off 20 %; clocks are read in whole milliseconds. */
const SHORTEST_MS = RETRY_MS * 0.8 - 5;

const ENV = { TASK_RETRY_SCHEDULE: `${String(RETRY_MS)}ms,150ms,150ms`, DISPATCH_TIMEOUT: '300ms' };

async function runOne(
  behaviour: Behaviour,
): Promise<{ world: World; agent: AgentServer; taskId: string }> {
  const world = await startWorld(ENV);
  const agent = await startAgentServer(behaviour);
  const { agentId } = await world.register(agent);
  return { world, agent, taskId: await world.run(agentId) };
}

/** The attempts in short: `503 http_status retry`. */
function attemptsOf(view: TaskView): string[] {
  return view.attempts.map(({ number, statusCode, errorClass, outcome }, index) => {
    expect(number).toBe(index + 1);
    return `${String(statusCode)} ${String(errorClass)} ${outcome}`;
  });
}

/** One agent and one task for each behaviour: their attempts, once all tasks are in `state`. */
async function outcomesOf(behaviours: readonly Behaviour[], state: string): Promise<string[][]> {
  const world = await startWorld(ENV);
  return Promise.all(
    behaviours.map(async (behaviour) => {
      const agent = await startAgentServer(behaviour);
      const { agentId } = await world.register(agent);
      const view = await world.taskIn(state, await world.run(agentId));
      expect(agent.dispatches).toHaveLength(view.attempts.length);
      expect(view).toMatchObject({ attemptCount: view.attempts.length, nextAttemptAt: null });
      return attemptsOf(view);
    }),
  );
}

/** From each answer to the next arrival, in milliseconds. */
function pauses(dispatches: readonly Dispatch[]): number[] {
  return dispatches
    .slice(1)
    .map(({ receivedAt }, index) => receivedAt - (dispatches[index]?.answeredAt ?? 0));
}

describe('is retried', () => {
  it('an agent that answers 503 twice', async () => {
    const { world, agent, taskId } = await runOne(inTurn(status(503), status(503), status(200)));
    const view = await world.taskIn('delivered', taskId);
    expect(attemptsOf(view)).toEqual([
      '503 http_status retry',
      '503 http_status retry',
      '200 null delivered',
    ]);
    expect(view).toMatchObject({ attemptCount: 3, nextAttemptAt: null, lastError: null });
    expect(agent.dispatches.map(({ attempt }) => attempt)).toEqual([1, 2, 3]);
    expect(Math.min(...pauses(agent.dispatches))).toBeGreaterThanOrEqual(SHORTEST_MS);
  });

  it('408, 425, 429 and every 5xx', async () => {
    const codes = [408, 425, 429, 500, 502, 504, 599];
    const outcomes = await outcomesOf(
      codes.map((code) => inTurn(status(code), status(204))),
      'delivered',
    );
    expect(outcomes).toEqual(
      codes.map((code) => [`${String(code)} http_status retry`, '204 null delivered']),
    );
  });

  it('an agent that answers 429 with Retry-After: 2, and not sooner', async () => {
    const patience = status(429, { headers: { 'retry-after': '2' } });
    const { world, agent, taskId } = await runOne(inTurn(patience, status(200)));
    const waiting = await eventually(async () => {
      const view = await world.task(taskId);
      expect(view.attempts).toHaveLength(1);
      return view;
    });
    expect(waiting).toMatchObject({ state: 'scheduled', lastError: 'http_429' });
    const announced = Date.parse(String(waiting.nextAttemptAt));
    const asked = Date.parse(String(waiting.attempts[0]?.startedAt)) + 2_000;
    expect(announced).toBeGreaterThanOrEqual(asked);

    const view = await world.taskIn('delivered', taskId);
    expect(attemptsOf(view)).toEqual(['429 http_status retry', '200 null delivered']);
    expect(pauses(agent.dispatches)[0]).toBeGreaterThanOrEqual(1_995);
  });

  it('an agent that is down for a while', async () => {
    const world = await startWorld(ENV);
    const agent = await startAgentServer();
    const { agentId } = await world.register(agent);
    await agent.down();
    const taskId = await world.run(agentId);
    await eventually(async () => expect((await world.task(taskId)).attemptCount).toBe(2));
    await agent.up();
    expect(attemptsOf(await world.taskIn('delivered', taskId))).toEqual([
      'null connection_refused retry',
      'null connection_refused retry',
      '200 null delivered',
    ]);
    expect(agent.dispatches.map(({ attempt }) => attempt)).toEqual([3]);
  });

  it('an agent that hangs', async () => {
    const { world, agent, taskId } = await runOne(inTurn(hang, status(200)));
    const view = await world.taskIn('delivered', taskId);
    expect(attemptsOf(view)).toEqual(['null timeout retry', '200 null delivered']);
    expect(view.attempts[0]?.durationMs).toBeGreaterThanOrEqual(299);
    expect(agent.dispatches.map(({ cutOff }) => cutOff)).toEqual([true, false]);
  });

  it('an agent that resets the connection', async () => {
    const { world, taskId } = await runOne(inTurn(reset, status(200)));
    expect(attemptsOf(await world.taskIn('delivered', taskId))).toEqual([
      'null connection_reset retry',
      '200 null delivered',
    ]);
  });

  it('what speaks no HTTP, until the schedule is exhausted: four attempts, then a dead letter', async () => {
    const world = await startWorld(ENV);
    const server = createServer((socket) => socket.once('data', () => socket.end('220 smtp\r\n')));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    const { port } = server.address() as AddressInfo;
    const { agentId } = await world.register(`http://127.0.0.1:${String(port)}/`);
    const taskId = await world.run(agentId);
    const view = await world.taskIn('dead', taskId);
    expect(attemptsOf(view)).toEqual([
      'null network retry',
      'null network retry',
      'null network retry',
      'null network failed',
    ]);
    expect(view).toMatchObject({ attemptCount: 4, nextAttemptAt: null, lastError: 'unreachable' });
    const starts = view.attempts.map(({ startedAt }) => Date.parse(startedAt));
    for (const [index, start] of starts.slice(1).entries()) {
      expect(start - (starts[index] ?? 0)).toBeGreaterThanOrEqual(SHORTEST_MS);
    }
  });
});

describe('is final at once', () => {
  it('404, 410 and every other 4xx', async () => {
    const codes = [400, 401, 403, 404, 405, 409, 410, 413, 422, 451, 499];
    const outcomes = await outcomesOf(
      codes.map((code) => status(code)),
      'dead',
    );
    expect(outcomes).toEqual(codes.map((code) => [`${String(code)} http_status failed`]));
  });

  it('302 and every other 3xx, which is never followed', async () => {
    const canary = await startAgentServer();
    const codes = [300, 301, 302, 303, 304, 307, 308];
    const away = { headers: { location: canary.url } };
    const outcomes = await outcomesOf(
      codes.map((code) => status(code, away)),
      'dead',
    );
    expect(outcomes).toEqual(codes.map((code) => [`${String(code)} http_status failed`]));
    expect(canary.connections()).toBe(0);
  });
});
