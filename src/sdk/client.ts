import type {
  AgentFilter,
  AgentRecord,
  AgentRegistration,
  Health,
  MessageRequest,
  PageFilter,
  RegisteredAgent,
  TaskReceipt,
  TaskRecord,
  TaskRequest,
} from './api-types.ts';
import { readEnvironment } from './env.ts';
import { AgentKitError } from './errors.ts';
import { ServiceTransport, type Envelope, type ServiceRequest } from './transport.ts';
import { headerValue, isObject, jsonText, pathSegment } from './wire.ts';

export interface ClientOptions {
  /** Default: AGENTKIT_URL, else http://127.0.0.1:8000. With or without `/v1`; a path prefix is kept. */
  readonly baseUrl?: string | URL | undefined;
  /** Sent as `Authorization: Bearer`. Default: AGENTKIT_API_KEY, else none. */
  readonly apiKey?: string | undefined;
  /** One request, whole, in milliseconds. Default 10,000. */
  readonly timeoutMs?: number | undefined;
}

export interface CallOptions {
  /** Used for this call instead of `apiKey`: an agent's own `agentToken`. */
  readonly token?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The REST API of contract sections 2 and 4. Each method sends one request, answers the envelope's `data`, and
 * rejects with an AgentKitError: the service's `error_code`, or `network_error`, `timeout`, `aborted`,
 * `invalid_response`, `invalid_argument`. Nothing is retried here.
 */
export class AgentKitClient {
  readonly #transport: ServiceTransport;

  constructor(options: ClientOptions = {}) {
    const environment = readEnvironment();
    this.#transport = new ServiceTransport({
      baseUrl: options.baseUrl ?? environment.agentkitUrl,
      apiKey: options.apiKey ?? environment.agentkitApiKey,
      timeoutMs: options.timeoutMs,
    });
  }

  /** `POST /v1/agents/register`. 409 when the name is taken. */
  async registerAgent(agent: AgentRegistration, options?: CallOptions): Promise<RegisteredAgent> {
    return this.#register('POST', agent, options);
  }

  /** `PUT /v1/agents/register`: idempotent. The owner who registers again keeps its `agentId`. */
  async upsertAgent(agent: AgentRegistration, options?: CallOptions): Promise<RegisteredAgent> {
    return this.#register('PUT', agent, options);
  }

  /** `GET /v1/agents`: one page. `nextCursor` is null at the end. */
  async listAgents(
    filter: AgentFilter = {},
    options?: CallOptions,
  ): Promise<{ agents: AgentRecord[]; nextCursor: string | null }> {
    const envelope = await this.#call(options, {
      method: 'GET',
      path: '/v1/agents',
      query: { ...filter },
    });
    return {
      agents: listOf<AgentRecord>('GET /v1/agents', envelope),
      nextCursor: nextCursor(envelope),
    };
  }

  /** Every agent that matches, page by page: `for await (const agent of client.iterateAgents())`. */
  async *iterateAgents(
    filter: AgentFilter = {},
    options?: CallOptions,
  ): AsyncGenerator<AgentRecord, void> {
    let cursor = filter.cursor;
    for (;;) {
      const page = await this.listAgents({ ...filter, cursor }, options);
      yield* page.agents;
      if (page.nextCursor === null) return;
      if (page.nextCursor === cursor) {
        throw new AgentKitError('invalid_response', 'GET /v1/agents: the cursor does not move on.');
      }
      cursor = page.nextCursor;
    }
  }

  /** `GET /v1/agents/{agent_id}`. */
  async getAgent(agentId: string, options?: CallOptions): Promise<AgentRecord> {
    return (await this.#call(options, { method: 'GET', path: agentPath(agentId) }))
      .data as AgentRecord;
  }

  /** `DELETE /v1/agents/{agent_id}`: answers the agent that left. Its waiting tasks are cancelled. */
  async deregisterAgent(agentId: string, options?: CallOptions): Promise<AgentRecord> {
    return (await this.#call(options, { method: 'DELETE', path: agentPath(agentId) }))
      .data as AgentRecord;
  }

  /** `POST /v1/agents/{agent_id}/heartbeat`. 404 when the service does not know the agent (any more). */
  async heartbeat(agentId: string, options?: CallOptions): Promise<Record<string, unknown>> {
    const path = `${agentPath(agentId)}/heartbeat`;
    return (await this.#call(options, { method: 'POST', path })).data as Record<string, unknown>;
  }

  /**
   * `POST /v1/agents/{agent_id}/run`, in either shape; resolves once the task is durably stored. The same
   * `idempotencyKey` with the same body answers the same `taskId`, with another body 409.
   */
  async runTask(
    agentId: string,
    task: TaskRequest | MessageRequest,
    options: CallOptions & { readonly idempotencyKey?: string | undefined } = {},
  ): Promise<TaskReceipt> {
    const { idempotencyKey } = options;
    const envelope = await this.#call(options, {
      method: 'POST',
      path: `${agentPath(agentId)}/run`,
      body: jsonText('task', task),
      headers:
        idempotencyKey === undefined
          ? {}
          : { 'idempotency-key': headerValue('idempotencyKey', idempotencyKey) },
    });
    return envelope.data as TaskReceipt;
  }

  /** `GET /v1/tasks/{taskId}`: state, attempts, next attempt. */
  async getTask(taskId: string, options?: CallOptions): Promise<TaskRecord> {
    return (await this.#call(options, { method: 'GET', path: taskPath(taskId) }))
      .data as TaskRecord;
  }

  /** `GET /v1/agents/{agent_id}/tasks`: one page. */
  async listTasks(
    agentId: string,
    filter: PageFilter = {},
    options?: CallOptions,
  ): Promise<{ tasks: TaskRecord[]; nextCursor: string | null }> {
    const path = `${agentPath(agentId)}/tasks`;
    const envelope = await this.#call(options, { method: 'GET', path, query: { ...filter } });
    return { tasks: listOf<TaskRecord>(`GET ${path}`, envelope), nextCursor: nextCursor(envelope) };
  }

  /** `POST /v1/tasks/{taskId}/cancel`: no attempt starts after it resolved. */
  async cancelTask(taskId: string, options?: CallOptions): Promise<TaskRecord> {
    const path = `${taskPath(taskId)}/cancel`;
    return (await this.#call(options, { method: 'POST', path })).data as TaskRecord;
  }

  /** `GET /health`: its whole answer, which has no envelope. */
  async health(options?: CallOptions): Promise<Health> {
    return (await this.#transport.send({ method: 'GET', path: '/health', ...options })) as Health;
  }

  async #register(
    method: 'POST' | 'PUT',
    agent: AgentRegistration,
    options: CallOptions | undefined,
  ): Promise<RegisteredAgent> {
    const body = jsonText('agent', agent);
    const { data } = await this.#call(options, { method, path: '/v1/agents/register', body });
    if (!isObject(data) || typeof data['agentId'] !== 'string') {
      throw new AgentKitError(
        'invalid_response',
        `${method} /v1/agents/register: the answer has no agentId.`,
      );
    }
    return data as unknown as RegisteredAgent;
  }

  async #call(options: CallOptions | undefined, request: ServiceRequest): Promise<Envelope> {
    return this.#transport.call({ ...request, token: options?.token, signal: options?.signal });
  }
}

function agentPath(agentId: string): string {
  return `/v1/agents/${pathSegment('agentId', agentId)}`;
}

function taskPath(taskId: string): string {
  return `/v1/tasks/${pathSegment('taskId', taskId)}`;
}

function nextCursor(envelope: Envelope): string | null {
  return typeof envelope['next_cursor'] === 'string' ? envelope['next_cursor'] : null;
}

function listOf<T>(name: string, envelope: Envelope): T[] {
  if (!Array.isArray(envelope.data)) {
    throw new AgentKitError('invalid_response', `${name}: the answer's data is not a list.`);
  }
  return envelope.data as T[];
}
