import { LogController, type FastifyReply, type FastifyRequest } from 'fastify';

/** One line per request, when it is answered: no bodies, no query strings, no headers. */
export class RequestLog extends LogController {
  override incomingRequest(): void {
    // The answer's line says it all.
  }

  override requestCompleted(
    _error: Error | null | undefined,
    request: FastifyRequest,
    reply: FastifyReply,
  ): void {
    request.log.info(
      {
        request_id: request.id,
        method: request.method,
        // The route and not the URL: a query string may carry what does not belong into a log.
        route: request.routeOptions.url ?? null,
        status_code: reply.statusCode,
        duration_ms: Math.round(reply.elapsedTime * 10) / 10,
      },
      'request',
    );
  }
}
