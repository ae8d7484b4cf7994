import ipaddr from 'ipaddr.js';
import type { Cidr, ConfiguredKey, DatabaseUrl } from './parse.ts';
import { read, required, type Environment } from './read.ts';
import { tracingOf, type TracingConfig } from './tracing.ts';
import { variables } from './variables.ts';

export { ConfigError, type Environment } from './read.ts';

/** Everything the service can be told, read once and validated before anything starts; durations in milliseconds. */
export interface Config {
  readonly host: string;
  readonly port: number;
  readonly logLevel: string;
  /** `pretty`: for people, in a terminal; elsewhere it is JSON as well. */
  readonly logFormat: 'json' | 'pretty';
  readonly database: DatabaseUrl;
  /** Lifecycle webhooks (contract section 3); undefined = they are skipped. */
  readonly webhook:
    | {
        readonly url: string;
        readonly secret: string;
        /** The secret that is being replaced: it signs as well for `secretOverlap`. */
        readonly previousSecret: string | undefined;
        /** From then on (epoch milliseconds) the hex header uses the new secret; undefined = at once. */
        readonly switchAt: number | undefined;
      }
    | undefined;
  /** State reports (contract section 5); undefined = dead letters are not reported. */
  readonly opscoreApi: { readonly url: string; readonly key: string } | undefined;
  readonly apiKeys: readonly ConfiguredKey[];
  /** Open mode on an address that others reach. */
  readonly allowAnonymous: boolean;
  readonly encryptionKeys: readonly Buffer[];
  /** How long a replaced secret or key stays valid unless said otherwise. */
  readonly secretOverlap: number;
  /** Private ranges in which agents may live. */
  readonly egressAllow: readonly Cidr[];
  readonly webhookRetrySchedule: readonly number[];
  readonly taskRetrySchedule: readonly number[];
  readonly dispatchTimeout: number;
  readonly webhookTimeout: number;
  /** Dispatches in flight to one agent. */
  readonly agentConcurrency: number;
  /** Attempts in flight in total. */
  readonly maxConcurrency: number;
  /** How long an agent may be offline before it is deregistered. */
  readonly agentExpiry: number;
  /** Between two probes of an agent that is unreachable. */
  readonly probeInterval: number;
  /** Tasks that may wait for one agent. */
  readonly agentQueueLimit: number;
  /** Requests a second with one key or token. */
  readonly rateLimit: number;
  /** The time in which a request has to arrive. */
  readonly requestTimeout: number;
  /** Bytes of a request's body. */
  readonly bodyLimit: number;
  /** How long a delivered or cancelled delivery is kept. */
  readonly retention: number;
  readonly deadLetterRetention: number;
  readonly shutdownGrace: number;
  /** Where spans go; undefined = nowhere. */
  readonly tracing: TracingConfig | undefined;
}

/**
 * Turns the environment into the one configuration object.
 * @throws ConfigError for the first bad value, in the order of the contract's table.
 */
export function loadConfig(env: Environment): Config {
  const listenHost = required(env, 'HOST', variables.HOST);
  return Object.freeze({
    host: listenHost,
    port: required(env, 'PORT', variables.PORT),
    logLevel: required(env, 'LOG_LEVEL', variables.LOG_LEVEL),
    logFormat: required(env, 'LOG_FORMAT', variables.LOG_FORMAT),
    database: required(env, 'DATABASE_URL', variables.DATABASE_URL),
    webhook: webhookOf(env),
    opscoreApi: opscoreApiOf(env),
    apiKeys: read(env, 'AGENTKIT_API_KEYS', variables.AGENTKIT_API_KEYS) ?? [],
    allowAnonymous: required(env, 'AGENTKIT_ALLOW_ANONYMOUS', variables.AGENTKIT_ALLOW_ANONYMOUS),
    encryptionKeys: read(env, 'AGENTKIT_ENCRYPTION_KEY', variables.AGENTKIT_ENCRYPTION_KEY) ?? [],
    secretOverlap: required(env, 'SECRET_OVERLAP', variables.SECRET_OVERLAP),
    egressAllow:
      read(env, 'EGRESS_ALLOW_CIDRS', variables.EGRESS_ALLOW_CIDRS) ??
      (isLoopback(listenHost) ? LOOPBACK : []),
    webhookRetrySchedule: required(env, 'WEBHOOK_RETRY_SCHEDULE', variables.WEBHOOK_RETRY_SCHEDULE),
    taskRetrySchedule: required(env, 'TASK_RETRY_SCHEDULE', variables.TASK_RETRY_SCHEDULE),
    dispatchTimeout: required(env, 'DISPATCH_TIMEOUT', variables.DISPATCH_TIMEOUT),
    webhookTimeout: required(env, 'WEBHOOK_TIMEOUT', variables.WEBHOOK_TIMEOUT),
    agentConcurrency: required(env, 'AGENT_CONCURRENCY', variables.AGENT_CONCURRENCY),
    maxConcurrency: required(env, 'MAX_CONCURRENCY', variables.MAX_CONCURRENCY),
    agentExpiry: required(env, 'AGENT_EXPIRY', variables.AGENT_EXPIRY),
    probeInterval: required(env, 'PROBE_INTERVAL', variables.PROBE_INTERVAL),
    agentQueueLimit: required(env, 'AGENT_QUEUE_LIMIT', variables.AGENT_QUEUE_LIMIT),
    rateLimit: required(env, 'RATE_LIMIT', variables.RATE_LIMIT),
    requestTimeout: required(env, 'REQUEST_TIMEOUT', variables.REQUEST_TIMEOUT),
    bodyLimit: required(env, 'BODY_LIMIT', variables.BODY_LIMIT),
    retention: required(env, 'RETENTION', variables.RETENTION),
    deadLetterRetention: required(env, 'DEAD_LETTER_RETENTION', variables.DEAD_LETTER_RETENTION),
    shutdownGrace: required(env, 'SHUTDOWN_GRACE', variables.SHUTDOWN_GRACE),
    tracing: tracingOf(env),
  });
}

const LOOPBACK: readonly Cidr[] = [ipaddr.parseCIDR('127.0.0.0/8'), ipaddr.parseCIDR('::1/128')];

/** Whether the service listens on this machine alone. */
export function isLoopback(listenHost: string): boolean {
  if (listenHost === 'localhost') return true;
  return ipaddr.isValid(listenHost) && ipaddr.process(listenHost).range() === 'loopback';
}

function webhookOf(env: Environment): Config['webhook'] {
  const url = read(env, 'OPSCORE_WEBHOOK_URL', variables.OPSCORE_WEBHOOK_URL);
  const secret = read(env, 'OPSCORE_WEBHOOK_SECRET', variables.OPSCORE_WEBHOOK_SECRET);
  const previousSecret = read(
    env,
    'OPSCORE_WEBHOOK_SECRET_PREVIOUS',
    variables.OPSCORE_WEBHOOK_SECRET_PREVIOUS,
  );
  const switchAt = read(
    env,
    'OPSCORE_WEBHOOK_SECRET_SWITCH_AT',
    variables.OPSCORE_WEBHOOK_SECRET_SWITCH_AT,
  );
  if (url === undefined || secret === undefined) return undefined;
  return { url, secret, previousSecret, switchAt };
}

function opscoreApiOf(env: Environment): Config['opscoreApi'] {
  const url = read(env, 'OPSCORE_API_URL', variables.OPSCORE_API_URL);
  const key = read(env, 'OPSCORE_API_KEY', variables.OPSCORE_API_KEY);
  return url !== undefined && key !== undefined ? { url, key } : undefined;
}
