import { AgentKitError, type FieldError } from './errors.ts';
import { sendRequest } from './http.ts';
import { parseRetryAfter } from './retry.ts';
import { answerBody, apiBase, headerValue, isObject, urlOf } from './wire.ts';

const DEFAULT_TIMEOUT_MS = 10_000;

/** A full page of agents with large metadata fits; an endless answer does not fill the heap. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

export interface ServiceRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Encoded, from `/v1`. */
  readonly path: string;
  /** A list is sent as the same key several times; undefined is left out. */
  readonly query?: Readonly<Record<string, string | number | readonly string[] | undefined>>;
  /** JSON text. */
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly token?: string | undefined;
  /** Where it takes longer than most: at least so long. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal | undefined;
}

/** The success envelope of contract section 1. */
export interface Envelope {
  readonly data: unknown;
  readonly [key: string]: unknown;
}

/** Sends to the service and turns what is not a good answer into an AgentKitError. */
export class ServiceTransport {
  readonly #base: URL;
  readonly #apiKey: string | undefined;
  readonly #timeoutMs: number;

  constructor(options: {
    baseUrl: string | URL;
    apiKey: string | undefined;
    timeoutMs: number | undefined;
  }) {
    this.#base = apiBase('baseUrl (AGENTKIT_URL)', options.baseUrl);
    this.#apiKey =
      options.apiKey === undefined
        ? undefined
        : headerValue('apiKey (AGENTKIT_API_KEY)', options.apiKey);
    this.#timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  }

  /** The envelope of a 2xx, and the ETag beside it. `not_modified`: a 304 to an `if-none-match`. */
  async call(
    request: ServiceRequest,
  ): Promise<{ readonly envelope: Envelope | 'not_modified'; readonly etag: string | undefined }> {
    const { status, json: answer, etag } = await this.#exchange(request);
    if (status === 304) return { envelope: 'not_modified', etag };
    if (!isObject(answer) || answer['status'] !== 'success' || !('data' in answer)) {
      // Without the body: that of a registration holds the agent's secrets.
      throw new AgentKitError(
        'invalid_response',
        `${nameOf(request)}: the answer is not AgentKit's envelope.`,
      );
    }
    return { envelope: answer as Envelope, etag };
  }

  /** The JSON of a 2xx, whatever its shape. */
  async send(request: ServiceRequest): Promise<unknown> {
    return (await this.#exchange(request)).json;
  }

  async #exchange(
    request: ServiceRequest,
  ): Promise<{ status: number; json: unknown; etag: string | undefined }> {
    const name = nameOf(request);
    const credential =
      request.token === undefined ? this.#apiKey : headerValue('token', request.token);
    const timeoutMs = Math.max(this.#timeoutMs, request.timeoutMs ?? 0);
    const outcome = await sendRequest({
      method: request.method,
      url: withQuery(urlOf(this.#base, request.path), request.query ?? {}),
      headers: {
        accept: 'application/json',
        ...(request.body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(credential === undefined ? {} : { authorization: `Bearer ${credential}` }),
        ...request.headers,
      },
      body: request.body,
      timeoutMs,
      signal: request.signal,
      maxBytes: MAX_ANSWER_BYTES,
    });
    switch (outcome.kind) {
      case 'network_error':
        throw new AgentKitError(
          'network_error',
          `${name}: no answer from ${this.#base.origin} (${outcome.detail}).`,
        );
      case 'timeout':
        throw new AgentKitError(
          'timeout',
          `${name}: no whole answer within ${String(timeoutMs)} ms.`,
        );
      case 'aborted':
        throw new AgentKitError('aborted', `${name}: aborted by the caller.`);
      case 'answer':
        break;
    }
    const { status: statusCode, text } = outcome;
    const etag = outcome.headers.get('etag') ?? undefined;
    if (statusCode === 304 && request.headers?.['if-none-match'] !== undefined) {
      return { status: statusCode, json: undefined, etag };
    }
    if (statusCode < 200 || statusCode > 299) {
      const secrets = credential === undefined ? [] : [credential];
      const retryAfterMs = parseRetryAfter(outcome.headers.get('retry-after'), Date.now());
      throw refusal(name, statusCode, answerBody(text, secrets), retryAfterMs);
    }
    if (outcome.truncated) {
      throw new AgentKitError('invalid_response', `${name}: the answer is too large.`, {
        statusCode,
      });
    }
    try {
      return { status: statusCode, json: JSON.parse(text) as unknown, etag };
    } catch {
      throw new AgentKitError('invalid_response', `${name}: the answer is not JSON.`, {
        statusCode,
      });
    }
  }
}

function nameOf(request: ServiceRequest): string {
  return `${request.method} ${request.path}`;
}

function withQuery(url: URL, query: NonNullable<ServiceRequest['query']>): URL {
  for (const [key, value] of Object.entries(query)) {
    for (const part of Array.isArray(value) ? (value as readonly string[]) : [value]) {
      if (part !== undefined) url.searchParams.append(key, String(part));
    }
  }
  return url;
}

function refusal(
  name: string,
  statusCode: number,
  body: unknown,
  retryAfterMs: number | undefined,
): AgentKitError {
  const details = { statusCode, body, retryAfterMs };
  if (!isObject(body) || typeof body['error_code'] !== 'string') {
    const message = `${name}: ${String(statusCode)} without AgentKit's error envelope; is the URL right?`;
    return new AgentKitError('invalid_response', message, details);
  }
  const errors = Array.isArray(body['errors']) ? (body['errors'] as FieldError[]) : undefined;
  const faults = (errors ?? []).slice(0, 3).map((fault) => ` ${fault.path}: ${fault.message};`);
  const said = typeof body['message'] === 'string' ? body['message'] : '';
  const message = `${name}: ${String(statusCode)} ${body['error_code']}: ${said}${faults.join('')}`;
  return new AgentKitError(body['error_code'], message, { ...details, errors });
}
