import type {
  AgentEvent,
  AgentFilter,
  AgentPage,
  AgentPatch,
  AgentRecord,
  AgentRegistration,
  ApiKeyRecord,
  ApiKeyScope,
  Health,
  MessageRequest,
  NewApiKey,
  NotModified,
  OverlapOptions,
  RegisteredAgent,
  RotatedSecret,
  SecretRotation,
  TaskFilter,
  TaskReceipt,
  TaskRecord,
  TaskRequest,
  TaskSummary,
} from './api-types.ts';
import { everyItem, ServiceCalls, type CallOptions } from './calls.ts';
import { readEnvironment } from './env.ts';
import { agentPath, OperatorClient } from './operator-client.ts';
import { ServiceTransport } from './transport.ts';
import { headerValue, jsonText, pathSegment } from './wire.ts';

export interface ClientOptions {
  /** Default: AGENTKIT_URL, else http://127.0.0.1:8000. With or without `/v1`; a path prefix is kept. */
  readonly baseUrl?: string | URL | undefined;
  /** Sent as `Authorization: Bearer`. Default: AGENTKIT_API_KEY, else none. */
  readonly apiKey?: string | undefined;
  /** One request, whole, in milliseconds. Default 10,000. */
  readonly timeoutMs?: number | undefined;
}

/**
 * The service's REST API. Each method sends one request, answers the envelope's `data`, and rejects with an
 * AgentKitError: the service's `error_code`, or `network_error`, `timeout`, `aborted`, `invalid_response`,
 * `invalid_argument`. Nothing is retried here.
 */
export class AgentKitClient extends OperatorClient {
  constructor(options: ClientOptions = {}) {
    const environment = readEnvironment();
    super(
      new ServiceCalls(
        new ServiceTransport({
          baseUrl: options.baseUrl ?? environment.agentkitUrl,
          apiKey: options.apiKey ?? environment.agentkitApiKey,
          timeoutMs: options.timeoutMs,
        }),
      ),
    );
  }

  /** `POST /v1/agents/register`. 409 when the name is taken. */
  async registerAgent(agent: AgentRegistration, options?: CallOptions): Promise<RegisteredAgent> {
    return this.#register('POST', agent, options);
  }

  /** `PUT /v1/agents/register`: idempotent. The owner who registers again keeps its `agentId`. */
  async upsertAgent(agent: AgentRegistration, options?: CallOptions): Promise<RegisteredAgent> {
    return this.#register('PUT', agent, options);
  }

  /**
   * `GET /v1/agents`: one page. `nextCursor` is null at the end. With `ifNoneMatch`, the `etag` of an earlier answer,
   * it may be `{ notModified: true }`: nothing about any agent changed since, heartbeats aside.
   */
  async listAgents(
    filter?: AgentFilter,
    options?: CallOptions & { readonly ifNoneMatch?: undefined },
  ): Promise<AgentPage>;
  async listAgents(
    filter: AgentFilter,
    options: CallOptions & { readonly ifNoneMatch?: string | undefined },
  ): Promise<AgentPage | NotModified>;
  async listAgents(
    { metadataKey, ...filter }: AgentFilter = {},
    options?: CallOptions & { readonly ifNoneMatch?: string | undefined },
  ): Promise<AgentPage | NotModified> {
    const query = { ...filter, metadata_key: metadataKey };
    const page = await this.calls.pageUnless<AgentRecord>(
      '/v1/agents',
      query,
      options?.ifNoneMatch,
      options,
    );
    if (page.notModified) return page;
    const cursor = page.envelope['changes_cursor'];
    return {
      notModified: false,
      agents: page.items,
      nextCursor: page.nextCursor,
      changesCursor: typeof cursor === 'string' ? cursor : undefined,
      etag: page.etag,
    };
  }

  /**
   * `GET /v1/agents/changes`: what happened to agents after `since`, oldest first (all that is kept, without it). Ask
   * again with `nextCursor`, which is always given; fewer events than `limit` (1,000) were all. 410 `events_expired`:
   * list the agents anew, and go on from that list's `changesCursor`.
   */
  async listChanges(
    since?: string,
    options?: CallOptions & { readonly limit?: number | undefined },
  ): Promise<{ changes: AgentEvent[]; nextCursor: string | null }> {
    const query = { since, limit: options?.limit };
    const page = await this.calls.page<AgentEvent>('/v1/agents/changes', query, options);
    return { changes: page.items, nextCursor: page.nextCursor };
  }

  /** Every agent that matches, page by page: `for await (const agent of client.iterateAgents())`. */
  iterateAgents(
    filter: AgentFilter = {},
    options?: CallOptions,
  ): AsyncGenerator<AgentRecord, void> {
    return everyItem('/v1/agents', filter.cursor, async (cursor) => {
      const page = await this.listAgents({ ...filter, cursor }, options);
      return { items: page.agents, nextCursor: page.nextCursor };
    });
  }

  /** `GET /v1/agents/{agent_id}`. */
  async getAgent(agentId: string, options?: CallOptions): Promise<AgentRecord> {
    return this.calls.data({ method: 'GET', path: agentPath(agentId) }, options);
  }

  /**
   * `PATCH /v1/agents/{agent_id}`: changes what is given. With `ifMatch`, the `revision` that the caller knows, 412
   * `revision_mismatch` when the agent has changed since.
   */
  async patchAgent(
    agentId: string,
    fields: AgentPatch,
    options?: CallOptions & { readonly ifMatch?: number | undefined },
  ): Promise<AgentRecord> {
    const ifMatch = options?.ifMatch;
    const headers: Record<string, string> =
      ifMatch === undefined ? {} : { 'if-match': `"${String(ifMatch)}"` };
    const body = jsonText('fields', fields);
    return this.calls.data({ method: 'PATCH', path: agentPath(agentId), body, headers }, options);
  }

  /** `DELETE /v1/agents/{agent_id}`: answers the agent that left. Its waiting tasks are cancelled. */
  async deregisterAgent(agentId: string, options?: CallOptions): Promise<AgentRecord> {
    return this.calls.data({ method: 'DELETE', path: agentPath(agentId) }, options);
  }

  /** `POST /v1/agents/{agent_id}/heartbeat`. 404 when the service does not know the agent (any more). */
  async heartbeat(agentId: string, options?: CallOptions): Promise<AgentRecord> {
    return this.calls.data({ method: 'POST', path: `${agentPath(agentId)}/heartbeat` }, options);
  }

  /**
   * `POST /v1/agents/{agent_id}/signing-secret/rotate`: from its answer on, dispatches are signed with a new secret.
   * `createAgent` has its own `rotateSigningSecret`, which also learns it.
   */
  async rotateSigningSecret(
    agentId: string,
    rotation: SecretRotation = {},
    options?: CallOptions,
  ): Promise<RotatedSecret> {
    const path = `${agentPath(agentId)}/signing-secret/rotate`;
    const body = jsonText('rotation', rotation);
    return this.calls.dataWith<RotatedSecret>(
      'signingSecret',
      { method: 'POST', path, body },
      options,
    );
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
    const headers: Record<string, string> =
      idempotencyKey === undefined
        ? {}
        : { 'idempotency-key': headerValue('idempotencyKey', idempotencyKey) };
    const body = jsonText('task', task);
    const path = `${agentPath(agentId)}/run`;
    return this.calls.data({ method: 'POST', path, body, headers }, options);
  }

  /** `GET /v1/tasks/{taskId}`: state, attempts, next attempt. */
  async getTask(taskId: string, options?: CallOptions): Promise<TaskRecord> {
    return this.calls.data({ method: 'GET', path: taskPath(taskId) }, options);
  }

  /** `GET /v1/agents/{agent_id}/tasks`: one page, the newest first. `listDeliveries` has those of all agents. */
  async listTasks(
    agentId: string,
    filter: TaskFilter = {},
    options?: CallOptions,
  ): Promise<{ tasks: TaskSummary[]; nextCursor: string | null }> {
    const path = `${agentPath(agentId)}/tasks`;
    const page = await this.calls.page<TaskSummary>(path, { ...filter }, options);
    return { tasks: page.items, nextCursor: page.nextCursor };
  }

  /** `POST /v1/tasks/{taskId}/cancel`: no attempt starts after it resolved. */
  async cancelTask(taskId: string, options?: CallOptions): Promise<TaskRecord> {
    return this.calls.data({ method: 'POST', path: `${taskPath(taskId)}/cancel` }, options);
  }

  /** `POST /v1/keys` (scope admin): the only answer that shows the key. */
  async createKey(
    key: { readonly name: string; readonly scope: ApiKeyScope },
    options?: CallOptions,
  ): Promise<NewApiKey> {
    const body = jsonText('key', key);
    return this.calls.dataWith<NewApiKey>(
      'key',
      { method: 'POST', path: '/v1/keys', body },
      options,
    );
  }

  /** `GET /v1/keys` (scope admin). */
  async listKeys(options?: CallOptions): Promise<ApiKeyRecord[]> {
    return (await this.calls.page<ApiKeyRecord>('/v1/keys', {}, options)).items;
  }

  /** `POST /v1/keys/{name}/rotate` (scope admin): the same name and scope, a new key. */
  async rotateKey(
    name: string,
    rotation: OverlapOptions = {},
    options?: CallOptions,
  ): Promise<NewApiKey> {
    const path = `${keyPath(name)}/rotate`;
    const body = jsonText('rotation', rotation);
    return this.calls.dataWith<NewApiKey>('key', { method: 'POST', path, body }, options);
  }

  /** `DELETE /v1/keys/{name}` (scope admin): the key counts no more once this resolved. */
  async revokeKey(name: string, options?: CallOptions): Promise<ApiKeyRecord> {
    return this.calls.data({ method: 'DELETE', path: keyPath(name) }, options);
  }

  /** `GET /health`: its whole answer, which has no envelope. */
  async health(options?: CallOptions): Promise<Health> {
    return this.calls.bare<Health>({ method: 'GET', path: '/health' }, options);
  }

  async #register(
    method: 'POST' | 'PUT',
    agent: AgentRegistration,
    options: CallOptions | undefined,
  ): Promise<RegisteredAgent> {
    const request = { method, path: '/v1/agents/register', body: jsonText('agent', agent) };
    return this.calls.dataWith<RegisteredAgent>('agentId', request, options);
  }
}

function taskPath(taskId: string): string {
  return `/v1/tasks/${pathSegment('taskId', taskId)}`;
}

function keyPath(name: string): string {
  return `/v1/keys/${pathSegment('name', name)}`;
}
