import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { eventually } from './helpers/eventually.ts';
import { cleanupAfterEach, closeLater, gate, startWorld, type World } from './helpers/agents.ts';
import { dispatchTask } from './helpers/dispatch.ts';
import { OPSCORE_KEY } from './helpers/fake-opscore.ts';
import { AGENT_ID, AGENT_TOKEN, refuse, REGISTER_KEY, registered } from './helpers/fake-service.ts';

cleanupAfterEach();

describe('close', () => {
  it('takes no more, waits for handlers, tells their end, deregisters with its token, and is gone', async () => {
    const world = await startWorld({
      service: {
        register: (_n, _request, response) => {
          registered(response, { agentToken: AGENT_TOKEN });
        },
      },
    });
    const done = gate();
    const agent = await world.agent({
      apiKey: REGISTER_KEY,
      graceMs: 60_000,
      tasks: { slow: () => done.opened },
    });
    await dispatchTask(agent.url, 'slow', { id: 'first' });
    const closed = agent.close();
    expect(agent.close()).toBe(closed);
    expect(await dispatchTask(agent.url, 'slow', { id: 'second' })).toMatchObject({
      status: 503,
      body: { error_code: 'draining' },
    });
    expect(world.service.deregistrations()).toEqual([]);
    done.open();
    await closed;
    expect(world.opscore.states()).toEqual(['idle', 'active', 'finished']);
    const [deregistration] = world.service.deregistrations();
    expect(deregistration?.headers.authorization).toBe(`Bearer ${AGENT_TOKEN}`);
    await expect(fetch(agent.url)).rejects.toThrow();
  });

  it('aborts the signals when its grace is over, and lets handlers say how they ended', async () => {
    const { agent, opscore } = await startWorld();
    const { url, close } = bound(
      await agent({
        graceMs: 1,
        tasks: ({ signal }) =>
          new Promise((_resolve, reject) => {
            signal.addEventListener('abort', () => {
              reject(new Error('stopped half-way'));
            });
          }),
      }),
    );
    await dispatchTask(url, 'any');
    await close();
    expect(opscore.accepted.at(-1)).toMatchObject({
      state: 'error',
      details: { error_code: 'task_failed', message: 'stopped half-way' },
    });
  });

  it('reports a handler that heeds nothing as error, once', async () => {
    const { agent, opscore } = await startWorld();
    const late = gate();
    const { url, close } = bound(await agent({ graceMs: 1, tasks: () => late.opened }));
    await dispatchTask(url, 'any', { id: 'stuck' });
    await close();
    late.open();
    expect(opscore.states()).toEqual(['idle', 'active', 'error']);
    expect(opscore.accepted.at(-1)?.details).toMatchObject({
      taskId: 'stuck',
      error_code: 'task_aborted',
    });
  });

  it('leaves the registration when told to', async () => {
    const { agent, service } = await startWorld();
    await (await agent()).close({ deregister: false });
    expect(service.deregistrations()).toEqual([]);
  });

  it('does not reject when the service is gone', async () => {
    const { agent, service, log } = await startWorld();
    const { close } = bound(await agent());
    await service.close();
    await close();
    expect(log.at(-1)).toContain('echo: not deregistered: DELETE /v1/agents/');
  });
});

describe('a signal', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)(
    '%s drains, reports, deregisters and exits with 0',
    async (signal) => {
      const world = await startWorld();
      const child = startChild(world);
      await once(child, 'message');
      const url = String(world.service.registrations()[0]?.['contactEndpoint']);
      expect((await dispatchTask(url, 'slow', { id: 'first' })).status).toBe(202);
      child.kill(signal);
      expect(await once(child, 'message')).toContain('stopping');
      expect((await dispatchTask(url, 'slow', { id: 'second' })).status).toBe(503);
      child.send('go');
      expect(await once(child, 'exit')).toEqual([0, null]);
      expect(world.opscore.states()).toEqual(['idle', 'active', 'finished']);
      expect(world.service.deregistrations().map(({ path }) => path)).toEqual([
        `/v1/agents/${AGENT_ID}`,
      ]);
    },
  );

  it('that comes before the registration is through ends with 0 too', async () => {
    const world = await startWorld({
      service: {
        register: (_n, _request, response) => {
          refuse(response, 503, 'draining');
        },
      },
    });
    const child = startChild(world);
    await eventually(() => {
      expect(world.service.registrations()).not.toEqual([]);
    });
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([0, null]);
    expect(world.service.deregistrations()).toEqual([]);
  });

  it('that comes twice ends with 1 at once', async () => {
    const world = await startWorld();
    const child = startChild(world);
    await once(child, 'message');
    const url = String(world.service.registrations()[0]?.['contactEndpoint']);
    await dispatchTask(url, 'slow', { id: 'first' });
    child.kill('SIGTERM');
    expect(await once(child, 'message')).toContain('stopping');
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([1, null]);
  });
});

function bound(agent: { url: string; close(): Promise<void> }) {
  return { url: agent.url, close: () => agent.close() };
}

function startChild(world: World): ChildProcess {
  const script = fileURLToPath(new URL('./helpers/signal-agent.ts', import.meta.url));
  const child = fork(script, {
    execArgv: [],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    env: {
      ...process.env,
      AGENTKIT_URL: world.service.url,
      AGENTKIT_API_KEY: '',
      OPSCORE_API_URL: world.opscore.url,
      OPSCORE_API_KEY: OPSCORE_KEY,
    },
  });
  child.stderr?.resume();
  closeLater({
    close: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  });
  return child;
}
