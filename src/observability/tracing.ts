import {
  createTraceState,
  diag,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  type Attributes,
  type Context,
  type SpanContext,
} from '@opentelemetry/api';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BatchSpanProcessor, RandomIdGenerator, TracerProvider } from '@opentelemetry/sdk-trace';
import type { TracingConfig } from '../config/tracing.ts';
import {
  contextOf,
  traceHeadersIn,
  traceIdFor,
  type TraceHeaders,
} from '../dispatcher/traceparent.ts';
import type { Tracing } from '../dispatcher/tracing.ts';
import type { Attempt, LeasedDelivery } from '../outbox/delivery.ts';
import { exporterOf, samplerOf, tellTrouble, type TracingDeps } from './otlp.ts';

/** Spans to a receiver that speaks OTLP. Loaded only where one is configured: its packages take 100 ms. */
export async function createTracing(config: TracingConfig, deps: TracingDeps): Promise<Tracing> {
  tellTrouble(deps);
  // The trace of what has no caller's is found by the id of its task or delivery.
  let nextTraceId: string | undefined;
  const random = new RandomIdGenerator();
  const provider = new TracerProvider({
    resource: resourceFromAttributes({
      'service.version': deps.version,
      'service.instance.id': deps.instance,
      ...config.resourceAttributes,
      'service.name': config.serviceName,
    }),
    sampler: samplerOf(config),
    idGenerator: {
      generateTraceId: () => nextTraceId ?? random.generateTraceId(),
      generateSpanId: () => random.generateSpanId(),
    },
    // Full, it drops spans: nothing waits for it.
    spanProcessors: [new BatchSpanProcessor({ exporter: await exporterOf(config) })],
  });
  const tracer = provider.getTracer('agentkit-service', deps.version);

  function start(
    name: string,
    kind: SpanKind,
    parent: TraceHeaders | undefined,
    ownTraceOf: string,
    startTime: number,
    attributes: Attributes,
  ) {
    nextTraceId = traceIdFor(ownTraceOf);
    const span = tracer.startSpan(name, { kind, startTime, attributes }, parentOf(parent));
    nextTraceId = undefined;
    return span;
  }

  return {
    request(given, { taskId, route, startedAt }) {
      const span = start(`POST ${route}`, SpanKind.SERVER, given, taskId, startedAt, {
        'http.request.method': 'POST',
        'http.route': route,
        'url.scheme': 'http',
      });
      return {
        context: contextOf(headersOf(span.spanContext(), given?.tracestate ?? null)),
        end(statusCode, ids) {
          span.setAttributes({
            'http.response.status_code': statusCode,
            'agentkit.request_id': ids.requestId,
            'agentkit.agent_id': ids.agentId,
            ...(ids.taskId === undefined ? {} : { 'agentkit.task_id': ids.taskId }),
            ...(statusCode >= 500 ? { 'error.type': String(statusCode) } : {}),
          });
          if (statusCode >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
          span.end();
        },
      };
    },

    attempt(delivery, url, at) {
      const parent =
        delivery.traceparent === null ? undefined : traceHeadersIn(delivery.traceparent);
      const name = `POST ${delivery.kind}`;
      const attributes = attemptAttributes(delivery, new URL(url));
      const span = start(name, SpanKind.CLIENT, parent, delivery.id, at, attributes);
      return {
        headers: headersOf(span.spanContext(), parent?.tracestate ?? null),
        end(attempt) {
          span.setAttributes(resultAttributes(attempt));
          if (attempt.outcome !== 'delivered') span.setStatus({ code: SpanStatusCode.ERROR });
          span.end(Math.max(at, attempt.startedAt) + attempt.durationMs);
        },
      };
    },

    async stop(withinMs) {
      let timer: NodeJS.Timeout | undefined;
      const patience = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, withinMs);
      });
      const flushed = provider.shutdown().catch((error: unknown) => {
        diag.error(String(error));
      });
      await Promise.race([flushed, patience]);
      clearTimeout(timer);
    },
  };
}

/** No URL: its path or query may have secrets in it. */
function attemptAttributes(delivery: LeasedDelivery, target: URL): Attributes {
  const { kind, id, agentId, attemptCount, name } = delivery;
  return {
    'http.request.method': 'POST',
    'url.scheme': target.protocol.slice(0, -1),
    'server.address': target.hostname,
    'server.port': Number(target.port) || (target.protocol === 'https:' ? 443 : 80),
    ...(attemptCount > 0 ? { 'http.request.resend_count': attemptCount } : {}),
    'agentkit.agent_id': agentId,
    'agentkit.delivery_id': id,
    ...(kind === 'task' ? { 'agentkit.task_id': id } : {}),
    'agentkit.kind': kind,
    'agentkit.name': name,
    'agentkit.attempt': attemptCount + 1,
  };
}

function resultAttributes({ statusCode, errorClass, outcome }: Attempt): Attributes {
  return {
    'agentkit.outcome': outcome,
    ...(statusCode === null ? {} : { 'http.response.status_code': statusCode }),
    ...(errorClass === null
      ? {}
      : { 'error.type': errorClass === 'http_status' ? String(statusCode) : errorClass }),
  };
}

function parentOf(headers: TraceHeaders | undefined): Context {
  if (headers === undefined) return ROOT_CONTEXT;
  const { traceparent, tracestate } = headers;
  const parent: SpanContext = {
    traceId: traceparent.slice(3, 35),
    spanId: traceparent.slice(36, 52),
    traceFlags: Number.parseInt(traceparent.slice(53, 55), 16),
    isRemote: true,
    ...(tracestate === null ? {} : { traceState: createTraceState(tracestate) }),
  };
  return trace.setSpanContext(ROOT_CONTEXT, parent);
}

function headersOf(
  { traceId, spanId, traceFlags }: SpanContext,
  tracestate: string | null,
): TraceHeaders {
  const flags = traceFlags.toString(16).padStart(2, '0');
  return { traceparent: `00-${traceId}-${spanId}-${flags}`, tracestate };
}
