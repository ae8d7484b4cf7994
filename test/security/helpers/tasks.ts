import { expect, vi } from 'vitest';
import type { Answer, CallOptions } from './http.ts';

interface Caller {
  call(method: string, path: string, options?: CallOptions): Promise<Answer>;
}

export interface TaskView {
  readonly taskId: string;
  readonly state: string;
  readonly attemptCount: number;
  readonly nextAttemptAt: string | null;
  readonly lastError: string | null;
  readonly attempts: readonly AttemptView[];
}

export interface AttemptView {
  readonly number: number;
  readonly durationMs: number | null;
  readonly outcome: string;
  readonly statusCode: number | null;
  readonly errorClass: string | null;
  readonly responseExcerpt: string | null;
}

/** Gives an agent a task. @returns the taskId. */
export async function run(service: Caller, agentId: string, token?: string): Promise<string> {
  const answer = await service.call('POST', `/v1/agents/${agentId}/run`, {
    token,
    body: { task_name: 'summarize', parameters: { n: 1 } },
  });
  expect(answer.status, answer.text).toBe(202);
  return (answer.json.data as { taskId: string }).taskId;
}

/** Waits until the task is as wanted, and shows it. */
export async function task(
  service: Caller,
  taskId: string,
  wanted: (view: TaskView) => boolean,
  token?: string,
): Promise<TaskView> {
  return vi.waitFor(
    async () => {
      const answer = await service.call('GET', `/v1/tasks/${taskId}`, { token });
      const view = answer.json.data as TaskView;
      if (answer.status !== 200 || !wanted(view)) throw new Error(answer.text);
      return view;
    },
    { timeout: 10_000, interval: 20 },
  );
}

/** An attempt was made and recorded. */
export const attempted = (view: TaskView): boolean => view.attempts.length > 0;

export const ended = (view: TaskView): boolean => view.state !== 'scheduled';
