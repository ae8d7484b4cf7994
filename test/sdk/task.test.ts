import { describe, expect, it } from 'vitest';
import { normaliseTask } from '../../src/sdk/index.ts';

const headers = {
  'x-agentkit-task-id': 'task-1',
  'x-agentkit-attempt': '3',
  traceparent: '00-a-b-01',
};

function normalise(body: unknown) {
  const result = normaliseTask(JSON.stringify(body), headers);
  return result.ok ? result.task : result.message;
}

const expected = {
  taskId: 'task-1',
  taskName: 'sum',
  parameters: { a: 1 },
  opscoreTaskId: 'ot',
  opscoreSessionId: 'os',
  attempt: 3,
  traceparent: '00-a-b-01',
};

describe('normaliseTask', () => {
  it('makes one thing of either shape, wherever the ids are', () => {
    const task = {
      task_name: 'sum',
      parameters: { a: 1 },
      opscore_task_id: 'ot',
      opscore_session_id: 'os',
    };
    expect(normalise(task)).toEqual({ ...expected, senderId: undefined, body: task });
    const message = {
      senderId: 'me',
      messageType: 'sum',
      payload: { a: 1 },
      sessionContext: { sessionId: 'os', taskId: 'ot', workflowId: 'w' },
      extra: [1],
    };
    expect(normalise(message)).toEqual({ ...expected, senderId: 'me', body: message });
  });

  it('lets the top level win', () => {
    expect(
      normalise({
        senderId: 'me',
        messageType: 'other',
        task_name: 'sum',
        payload: { a: 1 },
        sessionContext: { sessionId: 'x', taskId: 'y' },
        opscore_task_id: 'ot',
        opscore_session_id: 'os',
      }),
    ).toMatchObject(expected);
  });

  it('takes null for absent, as Python clients write it', () => {
    expect(
      normalise({
        task_name: 'sum',
        parameters: null,
        opscore_task_id: null,
        sessionContext: null,
      }),
    ).toMatchObject({ parameters: {}, opscoreTaskId: undefined, opscoreSessionId: undefined });
  });

  it('takes the signed webhook-id where there is no task id, and attempt 1 where there is none', () => {
    const result = normaliseTask('{"task_name":"sum"}', {
      'webhook-id': 'w',
      'x-agentkit-attempt': '-1',
    });
    expect(result).toMatchObject({ ok: true, task: { taskId: 'w', attempt: 1 } });
  });

  it.each([
    ['not JSON', '{'],
    ['a list', '[]'],
    ['null', 'null'],
    ['no name', '{"parameters":{}}'],
    ['an empty name', '{"task_name":""}'],
    ['a name that is a number', '{"task_name":1}'],
    ['parameters that are a list', '{"task_name":"a","parameters":[]}'],
    ['a payload that is text', '{"messageType":"a","payload":"x"}'],
    ['an id that is a number', '{"task_name":"a","opscore_task_id":1}'],
    ['a context that is text', '{"task_name":"a","sessionContext":"x"}'],
    ['bytes that are no UTF-8', Buffer.from([0x22, 0xff, 0x22])],
  ])('calls %s malformed', (_name, body) => {
    expect(normaliseTask(body, headers)).toEqual({
      ok: false,
      message: expect.any(String) as string,
    });
  });
});
