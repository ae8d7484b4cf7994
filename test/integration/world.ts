import { vi } from 'vitest';
import { type AgentServer } from '../helpers/agent-server.ts';
import { startFakeOpscore, type FakeOpscore } from '../helpers/fake-opscore.ts';
import {
  startService,
  tempDir,
  type Environment,
  type Exit,
  type Service,
} from '../helpers/service-process.ts';

/** Waits until the condition does not throw. Generous, since it waits and never measures. */
export function eventually<T>(condition: () => T | Promise<T>): Promise<T> {
  return vi.waitFor(condition, { timeout: 20_000, interval: 10 });
}

/** A retry schedule of the same delay over and over. */
export function every(delay: string, times: number): string {
  return Array<string>(times).fill(delay).join(',');
}

export interface Answer<T = unknown> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: T;
}

interface Attempt {
  readonly number: number;
  readonly startedAt: string;
  readonly durationMs: number;
  readonly outcome: string;
  readonly statusCode: number | null;
  readonly errorClass: string | null;
  readonly responseExcerpt: string | null;
}

export interface TaskView {
  readonly taskId: string;
  readonly agentId: string;
  readonly name: string;
  readonly state: string;
  readonly attemptCount: number;
  readonly nextAttemptAt: string | null;
  readonly finishedAt: string | null;
  readonly lastError: string | null;
  readonly attempts: readonly Attempt[];
}

export interface RegisteredAgent {
  readonly agentId: string;
  readonly agentName: string;
  readonly signingSecret: string;
  readonly contactEndpoint: string;
}

export interface World {
  readonly opscore: FakeOpscore;
  /** The process that runs now. */
  readonly service: () => Service;
  /** kill -9. */
  readonly kill: () => Promise<Exit>;
  /** Starts it again on the same database file, with `env` over what it was started with. */
  readonly restart: (env?: Environment) => Promise<void>;
  /** A body that is not text or bytes is written as JSON. */
  readonly request: <T = unknown>(
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ) => Promise<Answer<T>>;
  /** Registers an agent at the server's address, which verifies from then on with the secret that it got. */
  readonly register: (
    agent: AgentServer | string,
    fields?: Record<string, unknown>,
  ) => Promise<RegisteredAgent>;
  /** Sends `/run` and returns the taskId of its 202. */
  readonly run: (
    agentId: string,
    body?: unknown,
    headers?: Record<string, string>,
  ) => Promise<string>;
  readonly task: (taskId: string) => Promise<TaskView>;
  /** The task once it is in this state. */
  readonly taskIn: (state: string, taskId: string) => Promise<TaskView>;
}

let names = 0;

/** An Ops-Core and a service that knows it, both real, both ended with the test. */
export async function startWorld(
  env: Environment | ((opscore: FakeOpscore) => Environment) = {},
  options: { webhookSecret?: string } = {},
): Promise<World> {
  const dir = tempDir();
  const opscore = await startFakeOpscore(options.webhookSecret);
  let environment: Environment = {
    ...opscore.env,
    ...(typeof env === 'function' ? env(opscore) : env),
  };
  let service = await startService({ dir, env: environment });

  async function request<T>(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answer<T>> {
    const payload =
      body === undefined || typeof body === 'string' || body instanceof Uint8Array
        ? body
        : JSON.stringify(body);
    const response = await fetch(`${service.url}${path}`, {
      method,
      headers: payload === undefined ? headers : { 'content-type': 'application/json', ...headers },
      ...(payload === undefined ? {} : { body: payload as string }),
    });
    return {
      status: response.status,
      headers: response.headers,
      body: (await response.json()) as T,
    };
  }

  async function task(taskId: string): Promise<TaskView> {
    const answer = await request<{ data: TaskView }>('GET', `/v1/tasks/${taskId}`);
    return expectStatus(answer, 200).data;
  }

  return {
    opscore,
    service: () => service,
    request,
    task,
    kill: () => service.end('SIGKILL'),
    restart: async (more = {}) => {
      environment = { ...environment, ...more };
      service = await startService({ dir, env: environment });
    },
    register: async (agent, fields = {}) => {
      const answer = await request<{ data: RegisteredAgent }>('POST', '/v1/agents/register', {
        agentName: `agent-${String((names += 1))}`,
        version: '1.0.0',
        contactEndpoint: typeof agent === 'string' ? agent : agent.url,
        ...fields,
      });
      const { data } = expectStatus(answer, 201);
      if (typeof agent !== 'string') agent.signingSecret = data.signingSecret;
      return data;
    },
    run: async (agentId, body = { task_name: 'work' }, headers) => {
      const path = `/v1/agents/${agentId}/run`;
      const answer = await request<{ data: { taskId: string } }>('POST', path, body, headers);
      return expectStatus(answer, 202).data.taskId;
    },
    taskIn: (state, taskId) =>
      eventually(async () => {
        const view = await task(taskId);
        if (view.state === state) return view;
        throw new Error(`the task is ${view.state}: ${JSON.stringify(view)}`);
      }),
  };
}

function expectStatus<T>(answer: Answer<T>, status: number): T {
  if (answer.status === status) return answer.body;
  throw new Error(
    `expected ${String(status)}, got ${String(answer.status)}: ${JSON.stringify(answer.body)}`,
  );
}
