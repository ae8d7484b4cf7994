import { describe, expect, it } from 'vitest';
import { dispatchFailedReport, stateReportUrl } from '../../src/report/state-report.ts';

const AGENT = '0197b7a0-0000-7000-8000-000000000001';
const TASK = '0197b7a0-0000-7000-8000-000000000002';
const PATH = `/v1/opscore/agent/${AGENT}/state`;

describe('stateReportUrl', () => {
  it.each([
    ['http://127.0.0.1:8001', `http://127.0.0.1:8001${PATH}`],
    ['http://127.0.0.1:8001/', `http://127.0.0.1:8001${PATH}`],
    ['http://127.0.0.1:8001/v1', `http://127.0.0.1:8001${PATH}`],
    ['http://127.0.0.1:8001/v1/', `http://127.0.0.1:8001${PATH}`],
    ['http://127.0.0.1:8001/v1//', `http://127.0.0.1:8001${PATH}`],
    ['https://ops.example/core', `https://ops.example/core${PATH}`],
    ['https://ops.example/core/', `https://ops.example/core${PATH}`],
    ['https://ops.example/core/v1', `https://ops.example/core${PATH}`],
    ['https://ops.example/apiv1', `https://ops.example/apiv1${PATH}`],
    ['https://ops.example/v1/core', `https://ops.example/v1/core${PATH}`],
    ['https://ops.example/?tenant=a', `https://ops.example${PATH}?tenant=a`],
    ['http://[::1]:8001/v1', `http://[::1]:8001${PATH}`],
  ])('of %s', (apiUrl, expected) => {
    expect(stateReportUrl(apiUrl, AGENT)).toBe(expected);
  });

  it('lets no agent id out of its place in the path', () => {
    expect(stateReportUrl('http://ops', '../x?y#z/ü')).toBe(
      'http://ops/v1/opscore/agent/..%2Fx%3Fy%23z%2F%C3%BC/state',
    );
  });
});

describe('dispatchFailedReport', () => {
  const now = 5_000;
  const wall = Date.parse('2026-01-01T12:00:00.250Z');
  const report = (body: object, changes: object = {}) =>
    dispatchFailedReport(
      {
        id: TASK,
        agentId: AGENT,
        attemptCount: 3,
        lastError: 'http_503',
        body: Buffer.from(JSON.stringify(body)),
        ...changes,
      },
      now,
      wall,
    );
  const bodyOf = (delivery: { body: Uint8Array }) =>
    JSON.parse(Buffer.from(delivery.body).toString('utf8')) as { details: Record<string, unknown> };

  it("has exactly the contract's body (sections 4 and 5)", () => {
    const task = { task_name: 't', opscore_task_id: 'ops-task', opscore_session_id: 'ops-session' };
    expect(bodyOf(report(task))).toEqual({
      agentId: AGENT,
      timestamp: '2026-01-01T12:00:00.250Z',
      state: 'error',
      details: {
        error_code: 'dispatch_failed',
        opscore_task_id: 'ops-task',
        opscore_session_id: 'ops-session',
        taskId: TASK,
        attempts: 3,
        last_error: 'http_503',
      },
    });
  });

  it.each([
    ['the top level', { opscore_task_id: 't1', opscore_session_id: 's1' }],
    ['sessionContext', { sessionContext: { taskId: 't1', sessionId: 's1' } }],
    [
      'the top level before sessionContext',
      {
        opscore_task_id: 't1',
        opscore_session_id: 's1',
        sessionContext: { taskId: 't2', sessionId: 's2' },
      },
    ],
    ['one from each', { opscore_task_id: 't1', sessionContext: { taskId: 't2', sessionId: 's1' } }],
    [
      'sessionContext where the top level is null, as Python writes it',
      {
        opscore_task_id: null,
        opscore_session_id: null,
        sessionContext: { taskId: 't1', sessionId: 's1' },
      },
    ],
  ])("takes Ops-Core's ids from %s", (_where, ids) => {
    expect(bodyOf(report(ids)).details).toMatchObject({
      opscore_task_id: 't1',
      opscore_session_id: 's1',
    });
  });

  it.each([{}, { sessionContext: null }, { sessionContext: {} }])(
    'says null where there are none: %o',
    (body) => {
      expect(bodyOf(report(body)).details).toMatchObject({
        opscore_task_id: null,
        opscore_session_id: null,
      });
    },
  );

  it('is a delivery of its own, due at once, after the other reports of its agent', () => {
    expect(report({})).toMatchObject({
      kind: 'state_report',
      agentId: AGENT,
      lane: `state_report:${AGENT}`,
      name: 'error',
      createdAt: now,
      dueAt: now,
      traceparent: null,
    });
    expect(report({}).id).not.toBe(TASK);
  });

  it('may keep its place in another lane', () => {
    const task = { id: TASK, agentId: AGENT, attemptCount: 0, lastError: null };
    const body = Buffer.from('{}');
    const lane = `webhook:${AGENT}`;
    expect(dispatchFailedReport({ ...task, body }, now, wall, lane).lane).toBe(lane);
  });
});
