import type { NotModified } from './api-types.ts';
import { AgentKitError, invalidArgument } from './errors.ts';
import type { Envelope, ServiceRequest, ServiceTransport } from './transport.ts';
import { isObject } from './wire.ts';

export interface CallOptions {
  /** Used for this call instead of `apiKey`: an agent's own `agentToken`. */
  readonly token?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface Page<T> {
  readonly notModified: false;
  readonly items: T[];
  readonly nextCursor: string | null;
  readonly etag: string | undefined;
  /** For what else is in it. */
  readonly envelope: Envelope;
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

  /** `nextCursor` is null at the end. */
  async page<T>(
    path: string,
    query: ServiceRequest['query'],
    options: CallOptions | undefined,
  ): Promise<Page<T>> {
    const page = await this.pageUnless<T>(path, query, undefined, options);
    if (!page.notModified) return page;
    throw new AgentKitError('invalid_response', `GET ${path}: 304 to an unconditional request.`);
  }

  /** A page, unless it still has the ETag `ifNoneMatch`. */
  async pageUnless<T>(
    path: string,
    query: ServiceRequest['query'],
    ifNoneMatch: string | undefined,
    options: CallOptions | undefined,
  ): Promise<Page<T> | NotModified> {
    const headers = ifNoneMatch === undefined ? {} : { 'if-none-match': etagHeader(ifNoneMatch) };
    const request = { method: 'GET' as const, path, query: query ?? {}, headers };
    const { envelope, etag } = await this.#transport.call({ ...request, ...credentials(options) });
    if (envelope === 'not_modified') return { notModified: true, etag };
    if (!Array.isArray(envelope.data)) {
      throw new AgentKitError('invalid_response', `GET ${path}: the answer's data is not a list.`);
    }
    const next = envelope['next_cursor'];
    return {
      notModified: false,
      items: envelope.data as T[],
      nextCursor: typeof next === 'string' ? next : null,
      etag,
      envelope,
    };
  }

  async bare<T>(request: ServiceRequest, options: CallOptions | undefined): Promise<T> {
    return (await this.#transport.send({ ...request, ...credentials(options) })) as T;
  }

  async #envelope(request: ServiceRequest, options: CallOptions | undefined): Promise<Envelope> {
    const { envelope } = await this.#transport.call({ ...request, ...credentials(options) });
    if (envelope !== 'not_modified') return envelope;
    throw new AgentKitError('invalid_response', `${request.method} ${request.path}: 304.`);
  }
}

/** Everything of a list, page by page. */
export async function* everyItem<T>(
  path: string,
  first: string | undefined,
  page: (cursor: string | undefined) => Promise<{ items: T[]; nextCursor: string | null }>,
): AsyncGenerator<T, void> {
  let cursor = first;
  for (;;) {
    const { items, nextCursor } = await page(cursor);
    yield* items;
    if (nextCursor === null) return;
    if (nextCursor === cursor) {
      throw new AgentKitError('invalid_response', `GET ${path}: the cursor does not move on.`);
    }
    cursor = nextCursor;
  }
}

function credentials(options: CallOptions | undefined): CallOptions {
  return { token: options?.token, signal: options?.signal };
}

/** `W/"57"`: may have spaces in theory, never control characters. */
function etagHeader(etag: string): string {
  if (/^[\x20-\x7e]+$/.test(etag)) return etag;
  throw invalidArgument('ifNoneMatch must be an ETag of an earlier answer.');
}
