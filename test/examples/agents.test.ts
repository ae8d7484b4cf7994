import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { cleanupAfterEach, closeLater } from '../sdk/helpers/agents.ts';
import { dispatchTask } from '../sdk/helpers/dispatch.ts';
import { eventually } from '../sdk/helpers/eventually.ts';
import { OPSCORE_KEY, startFakeOpscore } from '../sdk/helpers/fake-opscore.ts';
import { REGISTER_KEY, startFakeService } from '../sdk/helpers/fake-service.ts';
import { EXAMPLES, startExample } from './helpers/example-process.ts';

cleanupAfterEach();

/** An example agent between a fake service and a fake Ops-Core, and what it takes to send it a task. */
async function startAgent(script: string) {
  const service = closeLater(await startFakeService());
  const opscore = closeLater(await startFakeOpscore());
  const agent = startExample(script, {
    AGENTKIT_URL: service.url,
    AGENTKIT_API_KEY: REGISTER_KEY,
    OPSCORE_API_URL: opscore.url,
    OPSCORE_API_KEY: OPSCORE_KEY,
  });
  await eventually(() => {
    expect(opscore.states(), agent.stderr()).toEqual(['idle']);
  });
  const endpoint = String(service.registrations()[0]?.['contactEndpoint']);
  const outcomes = () =>
    opscore.accepted.filter(({ state }) => state === 'finished' || state === 'error');
  let sent = 0;
  return {
    service,
    run: async (taskName: string, parameters: unknown) => {
      sent += 1;
      const id = `task-${String(sent)}`;
      expect((await dispatchTask(endpoint, taskName, { id, parameters })).status).toBe(202);
      return eventually(() => {
        const outcome = outcomes()[sent - 1];
        if (outcome === undefined) throw new Error('not yet');
        return outcome;
      });
    },
    stop: () => {
      agent.kill('SIGTERM');
      return agent.exited;
    },
  };
}

it('the smallest agent has ten lines at the most, and takes a task', async () => {
  const source = await readFile(join(EXAMPLES, 'minimal-agent.ts'), 'utf8');
  expect(source.trim().split('\n').length).toBeLessThanOrEqual(10);
  const { run, stop, service } = await startAgent('minimal-agent.ts');
  expect(service.received[0]?.headers.authorization).toBe(`Bearer ${REGISTER_KEY}`);
  expect(await run('echo', { hello: 'wörld' })).toMatchObject({
    state: 'finished',
    details: { result: { hello: 'wörld' } },
  });
  expect(await stop()).toBe(0);
  expect(service.deregistrations()).toHaveLength(1);
});

it('the agent with two tasks tells what they returned and what they threw', async () => {
  const { run, stop } = await startAgent('agent.ts');
  expect(await run('summarize', { text: 'Ja! Gut so.' })).toMatchObject({
    state: 'finished',
    details: { result: { summary: 'Ja!', words: 3 } },
  });
  expect(await run('divide', { dividend: 3, divisor: 2 })).toMatchObject({
    state: 'finished',
    details: { result: { quotient: 1.5 } },
  });
  const failures: [string, unknown, string][] = [
    ['divide', { dividend: 1, divisor: 0 }, 'cannot divide by zero'],
    ['divide', {}, 'parameters.dividend and parameters.divisor must be numbers'],
    ['summarize', {}, 'parameters.text must be a string'],
  ];
  for (const [taskName, parameters, message] of failures) {
    expect(await run(taskName, parameters)).toMatchObject({ state: 'error', details: { message } });
  }
  expect(await stop()).toBe(0);
});

it('every example that is started says in its first lines how', async () => {
  for (const name of (await readdir(EXAMPLES)).filter((file) => file.endsWith('.ts'))) {
    const head = (await readFile(join(EXAMPLES, name), 'utf8')).split('import ')[0];
    expect(head, name).toMatch(new RegExp(`node examples/${name}|npm run demo`));
  }
});
