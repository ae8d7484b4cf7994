import {
  apiKeys,
  boolean,
  cidrList,
  databaseUrl,
  duration,
  encryptionKeys,
  host,
  httpUrl,
  moment,
  oneOf,
  pairs,
  port,
  ratio,
  schedule,
  secret,
  text,
  webhookSecret,
  wholeNumber,
  type Parser,
} from './parse.ts';

/** One environment variable: docs/configuration.md and .env.example list exactly these (a test compares). */
export interface Variable<T> {
  readonly parser: Parser<T>;
  /** The default as it would be written in the environment; null = unset. */
  readonly fallback: string | null;
  /** A secret's value is never printed, not even in the error that refuses it. */
  readonly secret?: true;
  /** Values of this form may have a secret in them. */
  readonly secretForm?: RegExp;
}

function variable<T>(parser: Parser<T>, fallback: string): Variable<T> & { fallback: string } {
  return { parser, fallback };
}

function optional<T>(parser: Parser<T>): Variable<T> {
  return { parser, fallback: null };
}

/** The longest attempt that can be configured. */
export const LONGEST_ATTEMPT_MS = 30 * 60_000;

const attemptTimeout = duration('1ms', `${LONGEST_ATTEMPT_MS / 60_000}m`);

/** The contract's table (section 7) and what the service adds to it. */
export const variables = {
  HOST: variable(host, '127.0.0.1'),
  PORT: variable(port, '8000'),
  LOG_FORMAT: variable(oneOf('json', 'pretty'), 'json'),
  LOG_LEVEL: variable(oneOf('fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'), 'info'),
  // A password in it may stand where a typing error put it.
  DATABASE_URL: {
    ...variable(databaseUrl, 'sqlite:./data/agentkit.db'),
    secretForm: /[@?]|^postgres/i,
  },
  OPSCORE_WEBHOOK_URL: optional(httpUrl),
  OPSCORE_WEBHOOK_SECRET: { ...optional(webhookSecret), secret: true },
  OPSCORE_API_URL: optional(httpUrl),
  OPSCORE_API_KEY: { ...optional(secret), secret: true },
  AGENTKIT_API_KEYS: { ...optional(apiKeys), secret: true },
  AGENTKIT_ALLOW_ANONYMOUS: variable(boolean, 'false'),
  AGENTKIT_ENCRYPTION_KEY: { ...optional(encryptionKeys), secret: true },
  OPSCORE_WEBHOOK_SECRET_PREVIOUS: { ...optional(webhookSecret), secret: true },
  OPSCORE_WEBHOOK_SECRET_SWITCH_AT: optional(moment),
  SECRET_OVERLAP: variable(duration('0s', '365d'), '24h'),
  EGRESS_ALLOW_CIDRS: optional(cidrList),
  WEBHOOK_RETRY_SCHEDULE: variable(schedule, '5s,30s,2m,10m,30m,1h,2h,4h,8h,16h,24h'),
  TASK_RETRY_SCHEDULE: variable(schedule, '1s,5s,15s,30s,1m,2m,5m,10m'),
  DISPATCH_TIMEOUT: variable(attemptTimeout, '10s'),
  WEBHOOK_TIMEOUT: variable(attemptTimeout, '10s'),
  AGENT_CONCURRENCY: variable(wholeNumber(1, 1_000), '16'),
  MAX_CONCURRENCY: variable(wholeNumber(1, 10_000), '512'),
  AGENT_EXPIRY: variable(duration('1s', '365d'), '10m'),
  PROBE_INTERVAL: variable(duration('100ms', '1h'), '15s'),
  AGENT_QUEUE_LIMIT: variable(wholeNumber(1, 1_000_000_000), '1000000'),
  RATE_LIMIT: variable(wholeNumber(1, 1_000_000), '5000'),
  REQUEST_TIMEOUT: variable(duration('100ms', '10m'), '10s'),
  BODY_LIMIT: variable(wholeNumber(1_024, 104_857_600), '1048576'),
  RETENTION: variable(duration('1s', '365d'), '7d'),
  DEAD_LETTER_RETENTION: variable(duration('1s', '365d'), '30d'),
  SHUTDOWN_GRACE: variable(duration('0s', '10m'), '10s'),
  // https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
  OTEL_EXPORTER_OTLP_ENDPOINT: optional(httpUrl),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: optional(httpUrl),
  OTEL_EXPORTER_OTLP_PROTOCOL: variable(oneOf('http/protobuf', 'http/json'), 'http/protobuf'),
  OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: optional(oneOf('http/protobuf', 'http/json')),
  OTEL_EXPORTER_OTLP_HEADERS: { ...optional(pairs), secret: true },
  OTEL_EXPORTER_OTLP_TRACES_HEADERS: { ...optional(pairs), secret: true },
  OTEL_EXPORTER_OTLP_TIMEOUT: variable(wholeNumber(1, 600_000), '10000'),
  OTEL_EXPORTER_OTLP_TRACES_TIMEOUT: optional(wholeNumber(1, 600_000)),
  OTEL_SERVICE_NAME: optional(text),
  OTEL_RESOURCE_ATTRIBUTES: optional(pairs),
  OTEL_TRACES_EXPORTER: optional(oneOf('otlp', 'none')),
  OTEL_TRACES_SAMPLER: variable(
    oneOf(
      'always_on',
      'always_off',
      'traceidratio',
      'parentbased_always_on',
      'parentbased_always_off',
      'parentbased_traceidratio',
    ),
    'parentbased_always_on',
  ),
  OTEL_TRACES_SAMPLER_ARG: variable(ratio, '1'),
  OTEL_SDK_DISABLED: variable(boolean, 'false'),
} as const satisfies Record<string, Variable<unknown>>;

export type VariableName = keyof typeof variables;
