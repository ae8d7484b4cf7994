import { describe, expect, it } from 'vitest';
import { nameOf, opscoreIds, validateRunBody } from '../../src/tasks/task-body.ts';

const TASK = { task_name: 'summarize' };
const MESSAGE = { senderId: 'ops-core', messageType: 'TASK', payload: { text: 'x' } };

const paths = (body: unknown) =>
  validateRunBody(body)
    .map(({ path }) => path)
    .sort();

describe('a task', () => {
  it.each([
    ['the least', TASK],
    [
      'everything',
      { ...TASK, parameters: { a: [1] }, opscore_session_id: 's', opscore_task_id: 't' },
    ],
    ['unknown keys', { ...TASK, priority: 7, senderId: 'x', payload: 5 }],
    [
      'null for what is not given, as Python writes it',
      { ...TASK, parameters: null, opscore_session_id: null, opscore_task_id: null },
    ],
    ['Unicode', { task_name: 'зsum 🚀', parameters: { ключ: '値' } }],
  ])('may have %s', (_what, body) => {
    expect(validateRunBody(body)).toEqual([]);
  });

  it.each([
    [{}, ['/task_name']],
    [{ task_name: null }, ['/task_name']],
    [{ task_name: 5 }, ['/task_name']],
    [{ task_name: '' }, ['/task_name']],
    [{ task_name: 'x'.repeat(201) }, ['/task_name']],
    [{ task_name: 'two\nlines' }, ['/task_name']],
    [{ ...TASK, parameters: [] }, ['/parameters']],
    [{ ...TASK, parameters: [{}] }, ['/parameters']],
    [{ ...TASK, parameters: 'text' }, ['/parameters']],
    [{ ...TASK, parameters: 1 }, ['/parameters']],
    [{ ...TASK, opscore_task_id: 5 }, ['/opscore_task_id']],
    [{ ...TASK, opscore_session_id: {} }, ['/opscore_session_id']],
    [{ ...TASK, opscore_task_id: 'x'.repeat(201) }, ['/opscore_task_id']],
    [
      { task_name: 1, parameters: 2, opscore_session_id: 3, opscore_task_id: 4 },
      ['/opscore_session_id', '/opscore_task_id', '/parameters', '/task_name'],
    ],
  ])('%j is wrong at %j', (body, expected) => {
    expect(paths(body)).toEqual(expected);
  });
});

describe('a message', () => {
  it.each([
    ['the least', MESSAGE],
    [
      'everything',
      {
        ...MESSAGE,
        sessionContext: { sessionId: 's', workflowId: 'w', taskId: 't', more: { x: 1 } },
        timestamp: '2026-01-01T00:00:00Z',
        task_name: 'summarize',
        opscore_session_id: 's',
        opscore_task_id: 't',
      },
    ],
    ['unknown keys', { ...MESSAGE, protocolVersion: 3 }],
    [
      'null for what is not given, as Python writes it',
      {
        ...MESSAGE,
        sessionContext: null,
        timestamp: null,
        task_name: null,
        opscore_session_id: null,
        opscore_task_id: null,
      },
    ],
    [
      'null inside sessionContext',
      { ...MESSAGE, sessionContext: { sessionId: null, taskId: null } },
    ],
    ['a timestamp of any type', { ...MESSAGE, timestamp: 1767225600.5 }],
    ['an empty payload', { ...MESSAGE, payload: {} }],
  ])('may have %s', (_what, body) => {
    expect(validateRunBody(body)).toEqual([]);
  });

  it.each([
    [{ messageType: 'TASK' }, ['/payload', '/senderId']],
    [{ senderId: 'x', payload: {} }, ['/messageType']],
    [{ payload: {} }, ['/messageType', '/senderId']],
    [{ ...MESSAGE, payload: [] }, ['/payload']],
    [{ ...MESSAGE, payload: null }, ['/payload']],
    [{ ...MESSAGE, senderId: 5 }, ['/senderId']],
    [{ ...MESSAGE, senderId: '' }, ['/senderId']],
    [{ ...MESSAGE, messageType: '' }, ['/messageType']],
    [{ ...MESSAGE, sessionContext: [] }, ['/sessionContext']],
    [{ ...MESSAGE, sessionContext: 'text' }, ['/sessionContext']],
    [
      { ...MESSAGE, sessionContext: { sessionId: 1, workflowId: 2, taskId: {} } },
      ['/sessionContext/sessionId', '/sessionContext/taskId', '/sessionContext/workflowId'],
    ],
    [{ ...MESSAGE, task_name: 5 }, ['/task_name']],
    [
      { senderId: 1, messageType: 2, payload: 3, sessionContext: 4, opscore_task_id: 5 },
      ['/messageType', '/opscore_task_id', '/payload', '/senderId', '/sessionContext'],
    ],
  ])('%j is wrong at %j', (body, expected) => {
    expect(paths(body)).toEqual(expected);
  });

  it('is one by its messageType, even beside a task_name', () => {
    expect(paths({ messageType: 'TASK', task_name: 't' })).toEqual(['/payload', '/senderId']);
  });
});

it.each([null, undefined, [], 'text', 5, true])('%j is neither', (body) => {
  expect(validateRunBody(body)).toEqual([
    { path: '', message: 'Expected a JSON object: a task or a message' },
  ]);
});

it('every fault says in words what is right', () => {
  for (const { message } of validateRunBody({ task_name: 5, parameters: [] })) {
    expect(message).toMatch(/^Expected \w+/);
  }
});

it('is known by its task_name, otherwise by its messageType', () => {
  expect(nameOf(TASK)).toBe('summarize');
  expect(nameOf(MESSAGE)).toBe('TASK');
  expect(nameOf({ ...MESSAGE, task_name: 'summarize' })).toBe('summarize');
  expect(nameOf({ ...MESSAGE, task_name: null })).toBe('TASK');
});

it("reads Ops-Core's ids from the bytes, from either place", () => {
  const ids = (body: object) => opscoreIds(Buffer.from(JSON.stringify(body)));
  expect(ids({ opscore_task_id: 't', sessionContext: { sessionId: 's' } })).toEqual({
    taskId: 't',
    sessionId: 's',
  });
  expect(ids(TASK)).toEqual({ taskId: null, sessionId: null });
});
