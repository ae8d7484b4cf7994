import type { PageFilter } from './api-types.ts';
import { AgentKitError } from './errors.ts';
import type { Envelope, ServiceRequest, ServiceTransport } from './transport.ts';
import { isObject } from './wire.ts';

export interface CallOptions {
  /** Used for this call instead of `apiKey`: an agent's own `agentToken`. */
  readonly token?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What the answers of the service may be: `data` as it is, `data` with a field in it, a page, no envelope. */
export class ServiceCalls {
  readonly #transport: ServiceTransport;

  constructor(transport: ServiceTransport) {
    this.#transport = transport;
  }

  async data<T>(request: ServiceRequest, options: CallOptions | undefined): Promise<T> {
    return (await this.#envelope(request, options)).data as T;
  }

  /** For answers that are of no use without this one field: never an `undefined` that fails much later. */
  async dataWith<T>(
    field: keyof T & string,
    request: ServiceRequest,
    options: CallOptions | undefined,
  ): Promise<T> {
    const { data } = await this.#envelope(request, options);
    if (isObject(data) && typeof data[field] === 'string') return data as T;
    throw new AgentKitError(
      'invalid_response',
      `${request.method} ${request.path}: the answer has no ${field}.`,
    );
  }

  /** `next_cursor` is null at the end. */
  async page<T>(
    path: string,
    query: PageFilter,
    options: CallOptions | undefined,
  ): Promise<{ items: T[]; nextCursor: string | null }> {
    const envelope = await this.#envelope({ method: 'GET', path, query: { ...query } }, options);
    if (!Array.isArray(envelope.data)) {
      throw new AgentKitError('invalid_response', `GET ${path}: the answer's data is not a list.`);
    }
    const next = envelope['next_cursor'];
    return { items: envelope.data as T[], nextCursor: typeof next === 'string' ? next : null };
  }

  async bare<T>(request: ServiceRequest, options: CallOptions | undefined): Promise<T> {
    return (await this.#transport.send({ ...request, ...options })) as T;
  }

  async #envelope(request: ServiceRequest, options: CallOptions | undefined): Promise<Envelope> {
    return this.#transport.call({ ...request, token: options?.token, signal: options?.signal });
  }
}
