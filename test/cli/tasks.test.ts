import { expect, it } from 'vitest';
import type { TaskRecord } from '../../src/sdk/index.ts';
import { inTurn, startAgentServer, status } from '../helpers/agent-server.ts';
import { dataOf } from '../helpers/cli.ts';
import { cliService } from './helpers/cli-service.ts';

const linesOf = (stdout: string): unknown[] =>
  stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);

async function withAgent(schedule: string) {
  const kit = await cliService({ TASK_RETRY_SCHEDULE: schedule });
  const server = await startAgentServer();
  const { agentId, signingSecret } = await kit.client.registerAgent({
    agentName: 'ada',
    version: '1',
    contactEndpoint: server.url,
  });
  server.signingSecret = signingSecret;
  return { ...kit, server, agentId };
}

it('runs a task and tells of each attempt until it is delivered', async () => {
  const { cli, server, agentId } = await withAgent('10ms');
  server.behave = inTurn(status(503), status(202));
  const run = ['run', 'ada', '--task', 'greet', '--parameters', '{"name":"Ada"}'];
  const people = await cli([...run, '--wait']);
  expect(people.code).toBe(0);
  const [taskId = '', ...story] = people.stdout.trimEnd().split('\n');
  expect(story).toEqual([
    expect.stringMatching(/^attempt 1: retry \(503 after \d+ ms\)$/),
    expect.stringMatching(/^attempt 2: delivered \(202 after \d+ ms\)$/),
    'greet: delivered',
  ]);
  expect(server.of(taskId)[0]?.bytes.toString()).toBe(
    '{"task_name":"greet","parameters":{"name":"Ada"}}',
  );

  const programs = linesOf((await cli([...run, '--wait', '--json'])).stdout);
  expect(programs).toMatchObject([
    { agentId, dispatch_status: 'scheduled' },
    { attempt: { number: 1, outcome: 'retry' } },
    { attempt: { number: 2, outcome: 'delivered' } },
    { task: { state: 'delivered', attemptCount: 2 } },
  ]);

  const quick = await cli([...run, '--idempotency-key', 'k1']);
  const again = await cli([...run, '--idempotency-key', 'k1']);
  expect(again.stdout).toBe(quick.stdout);
  expect(quick.stderr).toContain(`agentkit tasks watch ${quick.stdout.trim()}`);
});

it('a task that will not be delivered ends with exit code 1; it can be listed, shown and sent again', async () => {
  const { cli, client, server, agentId } = await withAgent('1ms');
  server.behave = status(503, { body: 'maintenance \x1b[31m' });
  const dead = await cli(['run', 'ada', '--task', 'greet', '--wait']);
  expect(dead.code).toBe(1);
  expect(dead.stdout).toContain('greet: dead (http_503)');
  const taskId = dead.stdout.split('\n')[0] ?? '';

  const shown = (await cli(['tasks', 'show', taskId])).stdout;
  expect(shown).toMatch(/^error +http_503$/m);
  expect(shown).toContain('the last answer: maintenance \\u001b[31m');
  // By the agent's own list, and by that of all deliveries.
  for (const filter of [
    ['--agent', 'ada'],
    ['--agent', agentId, '--since', '1h'],
    ['--state', 'dead', '--error', 'http_status'],
  ]) {
    const { tasks } = dataOf<{ tasks: TaskRecord[] }>(
      await cli(['tasks', 'list', '--json', ...filter]),
    );
    expect(tasks).toMatchObject([{ taskId, state: 'dead', lastError: 'http_503' }]);
    expect((await cli(['tasks', 'list', ...filter])).stdout).toContain(taskId);
  }
  const none = await cli(['tasks', 'list', '--json', '--until', '1h']);
  expect(dataOf<{ tasks: unknown[] }>(none).tasks).toEqual([]);
  expect(await cli(['tasks', 'list', '--since', 'then'])).toMatchObject({ code: 2, stdout: '' });

  server.behave = status(202);
  expect((await cli(['tasks', 'retry', taskId])).code).toBe(0);
  const watched = await cli(['tasks', 'watch', taskId]);
  expect(watched.code).toBe(0);
  expect(watched.stdout).toContain('attempt 3: delivered');
  const delivered = await cli(['tasks', 'retry', taskId]);
  expect(delivered.code).toBe(1);
  expect(delivered.stderr).toContain('delivery_delivered');
  expect((await cli(['tasks', 'retry', taskId, '--force'])).code).toBe(0);

  await client.deregisterAgent(agentId);
  const gone = await cli(['tasks', 'list', '--agent', agentId, '--json']);
  expect(dataOf<{ tasks: TaskRecord[] }>(gone).tasks).toMatchObject([{ taskId }]);
});

it('cancels a task that waits; Ctrl-C ends the watching alone', async () => {
  const { cli, client, server } = await withAgent('1h');
  server.behave = status(503);
  const ctrlC = new AbortController();
  const watched = await cli(['run', 'ada', '--task', 'greet', '--wait'], {
    terminal: true,
    interrupted: ctrlC.signal,
    onStderr: (text) => {
      if (text.includes('next attempt at')) ctrlC.abort();
    },
  });
  expect(watched.code).toBe(130);
  const taskId = watched.stdout.split('\n')[0]?.trim() ?? '';
  expect(watched.stderr).toContain(`agentkit tasks watch ${taskId}`);
  expect(await client.getTask(taskId)).toMatchObject({ state: 'scheduled' });

  const cancelled = await cli(['tasks', 'cancel', taskId, '--json']);
  expect(dataOf<TaskRecord>(cancelled)).toMatchObject({ taskId, state: 'cancelled' });
});

it('takes a JSON object for parameters, and nothing else', async () => {
  const { cli } = await withAgent('1s');
  for (const parameters of ['{', '[]', '1', 'null']) {
    const run = await cli(['run', 'ada', '--task', 'greet', '--parameters', parameters]);
    expect([parameters, run.code, run.stdout]).toEqual([parameters, 2, '']);
    expect(run.stderr).toMatch(/^agentkit: --parameters: /);
  }
  expect(await cli(['run', 'ada'])).toMatchObject({ code: 2 });
});
