import ipaddr from 'ipaddr.js';
import type { Cidr, DatabaseUrl } from './parse.ts';
import { variables, type Variable, type VariableName } from './variables.ts';

/** Everything the service can be told, read once and validated before anything starts; durations in milliseconds. */
export interface Config {
  readonly host: string;
  readonly port: number;
  readonly logLevel: string;
  readonly database: DatabaseUrl;
  /** Lifecycle webhooks (contract section 3); undefined = they are skipped. */
  readonly webhook: { readonly url: string; readonly secret: string } | undefined;
  /** State reports (contract section 5); undefined = dead letters are not reported. */
  readonly opscoreApi: { readonly url: string; readonly key: string } | undefined;
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
  /** Bytes of a request's body. */
  readonly bodyLimit: number;
  /** How long a delivered or cancelled delivery is kept. */
  readonly retention: number;
  readonly deadLetterRetention: number;
  readonly shutdownGrace: number;
}

/** A variable that stops the start: one line that names it, what it got and what it takes. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

export type Environment = Readonly<Record<string, string | undefined>>;

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
    database: required(env, 'DATABASE_URL', variables.DATABASE_URL),
    webhook: webhookOf(env),
    opscoreApi: opscoreApiOf(env),
    egressAllow:
      read(env, 'EGRESS_ALLOW_CIDRS', variables.EGRESS_ALLOW_CIDRS) ??
      (isLoopback(listenHost) ? LOOPBACK : []),
    webhookRetrySchedule: required(env, 'WEBHOOK_RETRY_SCHEDULE', variables.WEBHOOK_RETRY_SCHEDULE),
    taskRetrySchedule: required(env, 'TASK_RETRY_SCHEDULE', variables.TASK_RETRY_SCHEDULE),
    dispatchTimeout: required(env, 'DISPATCH_TIMEOUT', variables.DISPATCH_TIMEOUT),
    webhookTimeout: required(env, 'WEBHOOK_TIMEOUT', variables.WEBHOOK_TIMEOUT),
    agentConcurrency: required(env, 'AGENT_CONCURRENCY', variables.AGENT_CONCURRENCY),
    maxConcurrency: required(env, 'MAX_CONCURRENCY', variables.MAX_CONCURRENCY),
    bodyLimit: required(env, 'BODY_LIMIT', variables.BODY_LIMIT),
    retention: required(env, 'RETENTION', variables.RETENTION),
    deadLetterRetention: required(env, 'DEAD_LETTER_RETENTION', variables.DEAD_LETTER_RETENTION),
    shutdownGrace: required(env, 'SHUTDOWN_GRACE', variables.SHUTDOWN_GRACE),
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
  return url !== undefined && secret !== undefined ? { url, secret } : undefined;
}

function opscoreApiOf(env: Environment): Config['opscoreApi'] {
  const url = read(env, 'OPSCORE_API_URL', variables.OPSCORE_API_URL);
  const key = read(env, 'OPSCORE_API_KEY', variables.OPSCORE_API_KEY);
  return url !== undefined && key !== undefined ? { url, key } : undefined;
}

/** An empty value counts as unset: `.env` files and compose files write unset variables so. */
function read<T>(env: Environment, name: VariableName, variable: Variable<T>): T | undefined {
  const given = env[name]?.trim();
  const text = given === undefined || given === '' ? variable.fallback : given;
  if (text === null) return undefined;
  const value = variable.parser.parse(text);
  if (value !== undefined) return value;
  const got = variable.secret === true ? 'a value that is not shown' : JSON.stringify(clip(text));
  throw new ConfigError(`${name}: got ${got}, takes ${variable.parser.takes}`);
}

function required<T>(
  env: Environment,
  name: VariableName,
  variable: Variable<T> & { fallback: string },
): T {
  return read(env, name, variable) as T;
}

/**
 * URLs may carry a password after all (that is why they were refused): it must not reach the log. A refused URL need
 * not keep to the grammar, so everything before the last @ counts as one.
 */
function clip(text: string): string {
  return text.replace(/^([a-z][a-z0-9+.-]*:\/\/)?.*@/is, '$1***@').slice(0, 200);
}
