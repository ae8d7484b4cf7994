import type { RequestTrace } from '../dispatcher/tracing.ts';
import { LogController, type FastifyReply, type FastifyRequest } from 'fastify';

/** What the line of a request says besides, so that it is found by the task that it made, and the other way round. */
export interface Joined {
  taskId: string | undefined;
  readonly traceId: string | undefined;
  /** Ends with the request. */
  readonly span?: RequestTrace;
}

declare module 'fastify' {
  interface FastifyRequest {
    joined: Joined | undefined;
  }
}

/** Told of each answer; `seconds`: from the headers of the request to the end of the answer. */
export type OnAnswered = (
  method: string,
  route: string | undefined,
  statusCode: number,
  seconds: number,
) => void;

/** One line per request, when it is answered: no bodies, no query strings, no headers. */
export class RequestLog extends LogController {
  readonly #onAnswered: OnAnswered | undefined;

  constructor(onAnswered?: OnAnswered) {
    super();
    this.#onAnswered = onAnswered;
  }

  override incomingRequest(): void {
    // The answer's line says it all.
  }

  override requestCompleted(
    _error: Error | null | undefined,
    request: FastifyRequest,
    reply: FastifyReply,
  ): void {
    // The route and not the URL: a query string may carry what does not belong into a log.
    const route = request.routeOptions.url;
    const { statusCode, elapsedTime } = reply;
    this.#onAnswered?.(request.method, route, statusCode, elapsedTime / 1000);
    const params = request.params as Params | undefined;
    const { joined } = request;
    // Always of the same shape; what is undefined is not written.
    request.log.info(
      {
        request_id: request.id,
        trace_id: joined?.traceId,
        agent_id: idOf(params?.agent_id),
        task_id: joined?.taskId ?? idOf(params?.task_id),
        delivery_id: idOf(params?.delivery_id),
        method: request.method,
        route: route ?? null,
        status_code: statusCode,
        duration_ms: Math.round(elapsedTime * 10) / 10,
      },
      'request',
    );
    joined?.span?.end?.(statusCode, {
      requestId: request.id,
      agentId: params?.agent_id ?? '',
      taskId: joined.taskId,
    });
  }
}

interface Params {
  readonly agent_id?: string;
  readonly task_id?: string;
  readonly delivery_id?: string;
}

const ID = /^[0-9a-f-]{36}$/;

/** What a caller put in the place of an id is not written. */
function idOf(param: string | undefined): string | undefined {
  return param !== undefined && ID.test(param) ? param : undefined;
}
