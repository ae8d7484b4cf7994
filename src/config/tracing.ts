import { read, required, type Environment } from './read.ts';
import { variables } from './variables.ts';

/** Where spans go, and which; from the standard variables of OpenTelemetry. */
export interface TracingConfig {
  /** Of the traces themselves: with its path. */
  readonly url: string;
  readonly protocol: 'http/protobuf' | 'http/json';
  readonly headers: Readonly<Record<string, string>>;
  /** Of one export, in milliseconds. */
  readonly timeout: number;
  readonly serviceName: string;
  readonly resourceAttributes: Readonly<Record<string, string>>;
  readonly sampler: string;
  /** Of the traces that begin here, for the samplers that take one. */
  readonly ratio: number;
}

const DEFAULT_ENDPOINT = 'http://localhost:4318';

/** Spans are sent where an endpoint is named, or the exporter asked for; else nothing of it is even loaded. */
export function tracingOf(env: Environment): TracingConfig | undefined {
  const base = read(env, 'OTEL_EXPORTER_OTLP_ENDPOINT', variables.OTEL_EXPORTER_OTLP_ENDPOINT);
  const traces = read(
    env,
    'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT',
    variables.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT,
  );
  const exporter = read(env, 'OTEL_TRACES_EXPORTER', variables.OTEL_TRACES_EXPORTER);
  const resourceAttributes =
    read(env, 'OTEL_RESOURCE_ATTRIBUTES', variables.OTEL_RESOURCE_ATTRIBUTES) ?? {};
  const config: TracingConfig = {
    url: traces ?? `${(base ?? DEFAULT_ENDPOINT).replace(/\/+$/, '')}/v1/traces`,
    protocol:
      read(
        env,
        'OTEL_EXPORTER_OTLP_TRACES_PROTOCOL',
        variables.OTEL_EXPORTER_OTLP_TRACES_PROTOCOL,
      ) ?? required(env, 'OTEL_EXPORTER_OTLP_PROTOCOL', variables.OTEL_EXPORTER_OTLP_PROTOCOL),
    headers:
      read(env, 'OTEL_EXPORTER_OTLP_TRACES_HEADERS', variables.OTEL_EXPORTER_OTLP_TRACES_HEADERS) ??
      read(env, 'OTEL_EXPORTER_OTLP_HEADERS', variables.OTEL_EXPORTER_OTLP_HEADERS) ??
      {},
    timeout:
      read(env, 'OTEL_EXPORTER_OTLP_TRACES_TIMEOUT', variables.OTEL_EXPORTER_OTLP_TRACES_TIMEOUT) ??
      required(env, 'OTEL_EXPORTER_OTLP_TIMEOUT', variables.OTEL_EXPORTER_OTLP_TIMEOUT),
    serviceName:
      read(env, 'OTEL_SERVICE_NAME', variables.OTEL_SERVICE_NAME) ??
      resourceAttributes['service.name'] ??
      'agentkit-service',
    resourceAttributes,
    sampler: required(env, 'OTEL_TRACES_SAMPLER', variables.OTEL_TRACES_SAMPLER),
    ratio: required(env, 'OTEL_TRACES_SAMPLER_ARG', variables.OTEL_TRACES_SAMPLER_ARG),
  };
  const disabled = required(env, 'OTEL_SDK_DISABLED', variables.OTEL_SDK_DISABLED);
  const wanted = base !== undefined || traces !== undefined || exporter === 'otlp';
  return wanted && !disabled && exporter !== 'none' ? config : undefined;
}
