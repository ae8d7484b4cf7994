import { expect, it } from 'vitest';
import { startAgentServer } from '../helpers/agent-server.ts';
import { eventually, startWorld } from './world.ts';

it('an agent registers, is run, reports its state and leaves; Ops-Core hears of each in order', async () => {
  const { opscore, request, ...world } = await startWorld();
  const agent = await startAgentServer();

  const registration = {
    agentName: 'summarizer',
    version: '1.2.3',
    contactEndpoint: agent.url,
    capabilities: ['summarize', 'translate'],
    metadata: { team: 'docs' },
  };
  const registered = await request<{ data: Record<string, string> }>(
    'POST',
    '/v1/agents/register',
    registration,
  );
  expect(registered.status).toBe(201);
  expect(registered.body).toMatchObject({ status: 'success', data: registration });
  const { agentId = '', signingSecret = '' } = registered.body.data;
  expect(signingSecret).toMatch(/^whsec_[A-Za-z0-9+/]+=*$/);
  agent.signingSecret = signingSecret;
  await eventually(() => expect(opscore.events(agentId)).toHaveLength(1));

  const body =
    '{ "task_name": "summarize", "parameters": {"text": "Grüße"}, "opscore_task_id": "ot-1" }';
  const accepted = await request<{ data: { taskId: string } }>(
    'POST',
    `/v1/agents/${agentId}/run`,
    body,
  );
  const { taskId } = accepted.body.data;
  expect(accepted).toMatchObject({
    status: 202,
    body: {
      status: 'success',
      data: { agentId, taskId, dispatch_status: 'scheduled' },
    },
  });
  expect(accepted.headers.get('location')).toBe(`/v1/tasks/${taskId}`);

  expect(await world.taskIn('delivered', taskId)).toMatchObject({
    name: 'summarize',
    attemptCount: 1,
    nextAttemptAt: null,
    lastError: null,
    attempts: [{ number: 1, outcome: 'delivered', statusCode: 200, errorClass: null }],
  });
  const [dispatch] = agent.dispatches;
  expect(dispatch?.bytes.toString()).toBe(body);
  expect(dispatch?.headers).toMatchObject({
    'content-type': 'application/json',
    'x-agentkit-task-id': taskId,
    'x-agentkit-attempt': '1',
    traceparent: expect.stringMatching(/^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/) as string,
  });
  expect({ dispatches: agent.dispatches.length, refused: agent.refused() }).toEqual({
    dispatches: 1,
    refused: 0,
  });

  const report = await fetch(`${opscore.apiUrl}/v1/opscore/agent/${agentId}/state`, {
    method: 'POST',
    headers: { authorization: `Bearer ${opscore.env['OPSCORE_API_KEY'] ?? ''}` },
    body: JSON.stringify({
      agentId,
      timestamp: new Date().toISOString(),
      state: 'finished',
      details: {},
    }),
  });
  expect(report.status).toBe(202);

  expect(await request('DELETE', `/v1/agents/${agentId}`)).toMatchObject({
    status: 200,
    body: { status: 'success', data: { agentId } },
  });
  await eventually(() =>
    expect(opscore.story(agentId)).toEqual(['REGISTER', 'finished', 'DEREGISTER']),
  );
  const details = { agentId, ...registration };
  expect(opscore.events(agentId)).toEqual([
    { event_type: 'REGISTER', agent_details: details },
    { event_type: 'DEREGISTER', agent_details: details },
  ]);
  expect((await request('GET', `/v1/agents/${agentId}`)).status).toBe(404);
});
