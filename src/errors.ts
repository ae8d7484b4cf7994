/**
 * The catalogue of error codes (contract section 1), the only place where one is defined.
 * docs/errors.md lists exactly these; a test compares.
 */
export const errorCatalogue = {
  malformed_json: { status: 400, message: 'The body is not valid JSON.' },
  bad_request: { status: 400, message: 'The request is malformed.' },
  unauthorized: { status: 401, message: 'A valid credential is needed.' },
  forbidden: { status: 403, message: 'This credential does not allow it.' },
  not_found: { status: 404, message: 'There is no such route.' },
  agent_not_found: { status: 404, message: 'There is no agent with this id.' },
  task_not_found: { status: 404, message: 'There is no task with this id.' },
  delivery_not_found: { status: 404, message: 'There is no delivery with this id.' },
  replay_not_found: { status: 404, message: 'There is no replay with this id.' },
  key_not_found: { status: 404, message: 'There is no key with this name.' },
  request_timeout: { status: 408, message: 'The request took too long to arrive.' },
  agent_name_taken: { status: 409, message: 'An agent with this name is registered already.' },
  idempotency_conflict: {
    status: 409,
    message: 'This Idempotency-Key was used with another body.',
  },
  task_finished: { status: 409, message: 'The task has ended and cannot be cancelled.' },
  delivery_delivered: {
    status: 409,
    message: 'The delivery was delivered. Say force=true to send it again all the same.',
  },
  delivery_finished: {
    status: 409,
    message: 'The delivery has ended and cannot be cancelled.',
  },
  delivery_superseded: {
    status: 409,
    message:
      'A later webhook of this agent was delivered; sent now, this one would undo what that said.',
  },
  delivery_busy: {
    status: 409,
    message:
      'It, or what follows it in its order, is being sent just now. Try again in a few seconds.',
  },
  agent_gone: {
    status: 409,
    message: 'The agent of this task is no longer registered: nobody would take it.',
  },
  replay_finished: { status: 409, message: 'The replay is done and cannot be cancelled.' },
  webhook_not_configured: {
    status: 409,
    message: 'OPSCORE_WEBHOOK_URL and OPSCORE_WEBHOOK_SECRET are not both set.',
  },
  key_name_taken: { status: 409, message: 'There is a key with this name already.' },
  key_from_environment: {
    status: 409,
    message: 'This key is configured in AGENTKIT_API_KEYS; change it there.',
  },
  last_admin_key: {
    status: 409,
    message: 'This is the last key with the scope admin: create another one first.',
  },
  first_key_not_admin: {
    status: 409,
    message: 'The first key must have the scope admin: from then on every request needs a key.',
  },
  events_expired: {
    status: 410,
    message: 'The events after this one are no longer kept; list the agents and go on from there.',
  },
  revision_mismatch: {
    status: 412,
    message: 'The agent has changed since; read it again and decide anew.',
  },
  body_too_large: { status: 413, message: 'The body is too large.' },
  unsupported_media_type: { status: 415, message: 'The body must be application/json.' },
  validation_failed: { status: 422, message: 'The request is well-formed but invalid.' },
  queue_full: {
    status: 429,
    message: 'Too many tasks are waiting for this agent; nothing was accepted. Try again later.',
  },
  rate_limited: { status: 429, message: 'Too many requests with this credential; slow down.' },
  too_many_streams: {
    status: 429,
    message: 'As many follow the events already as may; GET /v1/overview tells the same once.',
  },
  headers_too_large: { status: 431, message: 'The request headers are too large.' },
  internal_error: { status: 500, message: 'Something went wrong inside the service.' },
  draining: { status: 503, message: 'The service is shutting down; try again elsewhere or later.' },
  overloaded: {
    status: 503,
    message: 'The service is overloaded; nothing was accepted. Try again later.',
  },
  store_unavailable: {
    status: 503,
    message: 'The store cannot take writes now; nothing was accepted. Try again later.',
  },
} as const satisfies Record<string, { status: number; message: string }>;

export type ErrorCode = keyof typeof errorCatalogue;

/** One fault of a request: where (a JSON pointer, `/capabilities/0`) and what is right there. */
export interface FieldError {
  readonly path: string;
  readonly message: string;
}

/** An error that a caller may see; anything else that is thrown becomes `internal_error`. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly code: ErrorCode;
  readonly statusCode: number;
  readonly errors: readonly FieldError[] | undefined;
  readonly retryAfterSeconds: number | undefined;

  constructor(
    code: ErrorCode,
    options: {
      /** Replaces the catalogue's sentence where it can say more. Never anything of the inside. */
      message?: string;
      errors?: readonly FieldError[];
      retryAfterSeconds?: number;
      cause?: unknown;
    } = {},
  ) {
    super(options.message ?? errorCatalogue[code].message, { cause: options.cause });
    this.code = code;
    this.statusCode = errorCatalogue[code].status;
    this.errors = options.errors;
    this.retryAfterSeconds = options.retryAfterSeconds;
  }
}

/** The error envelope of the contract; `detail` repeats the message because Python clients read it. */
export function errorEnvelope(
  code: ErrorCode,
  message: string = errorCatalogue[code].message,
  errors?: readonly FieldError[],
) {
  return {
    status: 'error' as const,
    message,
    detail: message,
    error_code: code,
    ...(errors === undefined ? {} : { errors }),
  };
}

/** 422 with the faults of a request; the message names the places, for those who read no further. */
export function invalid(errors: readonly FieldError[]): ApiError {
  const places = errors.slice(0, 10).map(({ path }) => path || '(the whole body)');
  return new ApiError('validation_failed', {
    message: `The request is invalid at ${places.join(', ')}.`,
    errors: errors.slice(0, 100),
  });
}
