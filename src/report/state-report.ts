import { newId } from '../ids.ts';
import { laneOf, type NewDelivery } from '../outbox/delivery.ts';
import type { StoredTask } from '../store/store.ts';
import { opscoreIds } from '../tasks/task-body.ts';

/**
 * The state report by which Ops-Core learns that a task will not be delivered (contract section 4); without it
 * Ops-Core would wait for ever.
 * @param lane where it keeps its place; the agent's own lane of reports unless said otherwise.
 */
export function dispatchFailedReport(
  task: StoredTask,
  now: number,
  wallNow: number,
  lane: string = laneOf('state_report', task.agentId),
): NewDelivery {
  const ids = opscoreIds(task.body);
  const body = {
    agentId: task.agentId,
    timestamp: new Date(wallNow).toISOString(),
    state: 'error',
    details: {
      error_code: 'dispatch_failed',
      opscore_task_id: ids.taskId,
      opscore_session_id: ids.sessionId,
      taskId: task.id,
      attempts: task.attemptCount,
      last_error: task.lastError,
    },
  };
  return {
    id: newId(),
    kind: 'state_report',
    agentId: task.agentId,
    lane,
    name: 'error',
    createdAt: now,
    dueAt: now,
    body: Buffer.from(JSON.stringify(body)),
    traceparent: null,
  };
}

/**
 * Where a state report goes. `OPSCORE_API_URL` occurs with and without a trailing `/v1` or `/` (contract section 5),
 * and may carry a path of its own.
 */
export function stateReportUrl(apiUrl: string, agentId: string): string {
  const url = new URL(apiUrl);
  const prefix = url.pathname.replace(/\/+$/, '').replace(/\/v1$/, '');
  url.pathname = `${prefix}/v1/opscore/agent/${encodeURIComponent(agentId)}/state`;
  return url.href;
}
