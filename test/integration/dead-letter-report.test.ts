import { expect, it } from 'vitest';
import { startAgentServer, status } from '../helpers/agent-server.ts';
import { eventually, every, startWorld } from './world.ts';

const TASK = {
  task_name: 'work',
  parameters: {},
  opscore_task_id: 'ot-1',
  opscore_session_id: 'os-1',
};
const MESSAGE = {
  senderId: 'ops-core',
  messageType: 'work',
  payload: {},
  sessionContext: { sessionId: 'os-1', workflowId: 'w-1', taskId: 'ot-1' },
};
const NAMELESS = { task_name: 'work' };

it.each([
  { name: 'a task', body: TASK, ids: ['ot-1', 'os-1'], url: '' },
  { name: 'a message', body: MESSAGE, ids: ['ot-1', 'os-1'], url: '/v1' },
  { name: 'a task without ids', body: NAMELESS, ids: [null, null], url: '/' },
])(
  'Ops-Core gets state error for $name that cannot be delivered (OPSCORE_API_URL ends with "$url")',
  async ({ body, ids, url }) => {
    const { opscore, ...world } = await startWorld(({ apiUrl }) => ({
      OPSCORE_API_URL: `${apiUrl}${url}`,
      TASK_RETRY_SCHEDULE: '10ms,10ms',
    }));
    const agent = await startAgentServer(status(503));
    const { agentId } = await world.register(agent);
    const taskId = await world.run(agentId, body);

    await world.taskIn('dead', taskId);
    await eventually(() => expect(opscore.reports(agentId)).toHaveLength(1));
    const [report] = opscore.reports(agentId);
    expect(report).toEqual({
      agentId,
      timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/) as string,
      state: 'error',
      details: {
        error_code: 'dispatch_failed',
        opscore_task_id: ids[0],
        opscore_session_id: ids[1],
        taskId,
        attempts: 3,
        last_error: 'http_503',
      },
    });
    expect(agent.dispatches).toHaveLength(3);
  },
);

it('a report that overtakes REGISTER gets 404 and is repeated until Ops-Core knows the agent', async () => {
  const { opscore, ...world } = await startWorld({
    WEBHOOK_RETRY_SCHEDULE: every('50ms', 90),
  });
  opscore.fail = ({ kind }) => {
    const refused = opscore.arrivals.filter(({ status }) => status === 404).length;
    return kind === 'webhook' && refused < 2 ? 503 : undefined;
  };
  const agent = await startAgentServer(status(410));
  const { agentId } = await world.register(agent);
  const taskId = await world.run(agentId);
  await eventually(() => expect(opscore.story(agentId)).toEqual(['REGISTER', 'error']));
  expect(opscore.reports(agentId)[0]?.details).toMatchObject({ taskId, last_error: 'http_410' });
  expect(opscore.arrivals.filter(({ status }) => status === 404).length).toBeGreaterThan(1);
});
