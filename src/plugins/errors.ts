import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { ApiError, errorEnvelope, type ErrorCode } from '../errors.ts';

/** Fastify's own errors that a caller can cause. */
const FASTIFY_CODES: Readonly<Record<string, ErrorCode>> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'unsupported_media_type',
  FST_ERR_CTP_INVALID_TYPE: 'unsupported_media_type',
  FST_ERR_CTP_BODY_TOO_LARGE: 'body_too_large',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'bad_request',
  FST_ERR_BAD_URL: 'bad_request',
};

/** In an outage of the store every request fails alike: one a second says why, and how many did before. */
const OUTAGE_SAID_EVERY_MS = 1_000;

export interface ErrorsOptions {
  /** Told of each answer that is an error. */
  readonly onError?: (code: ErrorCode) => void;
}

/** The one place where an error becomes an answer: the envelope of contract section 1, and nothing of the inside. */
export const errors = fp((app: FastifyInstance, options: ErrorsOptions, done: () => void) => {
  const outage = { saidAt: Number.NEGATIVE_INFINITY, alike: 0 };
  app.setErrorHandler((error: FastifyError, request, reply) => {
    const apiError = toApiError(error);
    // What the service itself chose to refuse (draining, overloaded) is told by the request's own line: a stack for each
    // would cost most when there is the least to spare.
    const chosen = error === (apiError as unknown);
    if (apiError.code === 'store_unavailable') sayOutage(request, error);
    else if (apiError.statusCode >= 500 && !chosen) {
      request.log.error({ err: error, request_id: request.id }, 'request failed');
    }
    options.onError?.(apiError.code);
    return send(reply, apiError);
  });
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?', 1)[0] ?? '';
    options.onError?.('not_found');
    return send(
      reply,
      new ApiError('not_found', {
        message: `There is no route ${request.method} ${path.slice(0, 200)}; GET / links to what there is.`,
      }),
    );
  });
  function sayOutage(request: FastifyRequest, error: FastifyError): void {
    const now = performance.now();
    if (now - outage.saidAt < OUTAGE_SAID_EVERY_MS) {
      outage.alike += 1;
      return;
    }
    request.log.error(
      { err: error, request_id: request.id, alike: outage.alike },
      'request failed',
    );
    Object.assign(outage, { saidAt: now, alike: 0 });
  }

  done();
});

function send(reply: FastifyReply, error: ApiError): FastifyReply {
  if (error.retryAfterSeconds !== undefined) reply.header('retry-after', error.retryAfterSeconds);
  if (error.statusCode === 401) reply.header('www-authenticate', 'Bearer');
  return reply
    .status(error.statusCode)
    .send(errorEnvelope(error.code, error.message, error.errors));
}

/** What a thrown value is to the caller. Matched by code, since classes do not survive package boundaries. */
function toApiError(error: FastifyError): ApiError {
  if (error instanceof ApiError) return error;
  if ((error.code as string | undefined) === 'store_unavailable') {
    return new ApiError('store_unavailable', { cause: error, retryAfterSeconds: 5 });
  }
  const code = FASTIFY_CODES[error.code];
  if (code !== undefined) return new ApiError(code, { cause: error });
  const clientFault = error.statusCode !== undefined && error.statusCode < 500;
  return new ApiError(clientFault ? 'bad_request' : 'internal_error', { cause: error });
}
