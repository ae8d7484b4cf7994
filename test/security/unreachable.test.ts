import { describe, expect, it } from 'vitest';
import { aSecret } from '../helpers/secrets.ts';
import { closedPort, startSilentServer } from './helpers/servers.ts';
import { startService, type Running } from './helpers/service.ts';
import { ended, run, task, type TaskView } from './helpers/tasks.ts';
import { tempDir } from './helpers/temp-dir.ts';

const KEYS = { fleet: aSecret('AGENTKIT_API_KEYS'), opscore: aSecret('AGENTKIT_API_KEYS') };

/** Two attempts, and a short deadline for the target that stays silent. */
const ENV = {
  AGENTKIT_API_KEYS: `fleet:register:${KEYS.fleet},opscore:dispatch:${KEYS.opscore}`,
  DISPATCH_TIMEOUT: '200ms',
  TASK_RETRY_SCHEDULE: '1ms',
};

/** What an agent is told of a task of its own that could not be delivered to where it said it lives. */
async function tell(service: Running, contactEndpoint: string) {
  const agent = await service.register({ agentName: 'scanner', contactEndpoint }, KEYS.fleet);
  const taskId = await run(service, agent.agentId, KEYS.opscore);
  const shown = await task(service, taskId, ended, agent.agentToken);
  const listed = await service.call('GET', `/v1/agents/${agent.agentId}/tasks`, {
    token: agent.agentToken,
  });
  const operators = await task(service, taskId, ended, KEYS.opscore);
  await service.call('DELETE', `/v1/agents/${agent.agentId}`, { token: agent.agentToken });
  return { shown: timeless(shown), listed: timeless(listed.json.data), operators };
}

/** Without ids and times. */
function timeless(value: unknown): unknown {
  const gone = new Set(['taskId', 'agentId', 'startedAt', 'createdAt', 'finishedAt']);
  return JSON.parse(
    JSON.stringify(value, (key, inner: unknown) => (gone.has(key) ? undefined : inner)),
  );
}

const classes = ({ attempts }: TaskView) => attempts.map(({ errorClass }) => errorClass);

describe('an agent that registers addresses to find out what listens there', () => {
  it('is told the same of a closed port, a silent one, a name that does not exist and a refused address', async () => {
    const dir = tempDir();
    const silent = await startSilentServer();
    const first = await startService(ENV, { dir });
    const closed = await tell(first, `http://127.0.0.1:${await closedPort()}/`);
    const hanging = await tell(first, `http://127.0.0.1:${silent.port}/`);
    const nowhere = await tell(first, 'http://no-such-host.invalid/');

    // An address that the operator has stopped allowing since.
    const { agentId, agentToken } = await first.register(
      { contactEndpoint: `http://127.0.0.2:${silent.port}/` },
      KEYS.fleet,
    );
    await first.stop();
    const second = await startService({ ...ENV, EGRESS_ALLOW_CIDRS: '127.0.0.1/32' }, { dir });
    const taskId = await run(second, agentId, KEYS.opscore);
    const refused = await task(second, taskId, ended, agentToken);

    // They did fail in four ways, which the operator can see.
    const operators = await task(second, taskId, ended, KEYS.opscore);
    expect(
      [closed.operators, hanging.operators, nowhere.operators, operators].map(classes),
    ).toEqual([
      ['connection_refused', 'connection_refused'],
      ['timeout', 'timeout'],
      ['dns', 'dns'],
      ['blocked_address', 'blocked_address'],
    ]);

    const attempt = {
      durationMs: null,
      statusCode: null,
      errorClass: 'unreachable',
      responseExcerpt: null,
    };
    expect(closed.shown).toEqual({
      name: 'summarize',
      state: 'dead',
      attemptCount: 2,
      nextAttemptAt: null,
      lastError: 'unreachable',
      attempts: [
        { number: 1, outcome: 'retry', ...attempt },
        { number: 2, outcome: 'failed', ...attempt },
      ],
    });
    expect(hanging.shown).toEqual(closed.shown);
    expect(nowhere.shown).toEqual(closed.shown);
    expect(timeless(refused)).toEqual(closed.shown);
    expect(hanging.listed).toEqual(closed.listed);
    expect(nowhere.listed).toEqual(closed.listed);
  });

  it('finds no class in lastError, which lists and the reports to Ops-Core show', async () => {
    const service = await startService({ ...ENV, TASK_RETRY_SCHEDULE: '1h' });
    const { agentId } = await service.register({}, KEYS.fleet);
    const taskId = await run(service, agentId, KEYS.opscore);
    const view = await task(service, taskId, (t) => t.lastError !== null, KEYS.opscore);
    expect(view.lastError).toBe('unreachable');
    expect(classes(view)).toEqual(['connection_refused']);
  });
});
