import type { ClientOptions } from './client.ts';
import { readEnvironment } from './env.ts';
import { invalidArgument } from './errors.ts';
import { stderrLogger, type AgentLogger } from './logger.ts';
import { opscoreBase, opscoreKey } from './opscore.ts';
import { systemClock, type Clock } from './retry.ts';
import type { TaskHandler } from './task-runner.ts';
import { apiBase, isObject } from './wire.ts';

export interface AgentOptions extends ClientOptions {
  /** Unique among registered agents. Whoever restarts under its name keeps its `agentId`. */
  readonly name: string;
  readonly version: string;
  readonly capabilities?: readonly string[] | undefined;
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
  /**
   * The agent tells three times in each such period that it is alive; missed, it is `offline` and its tasks wait.
   * 1 to 86,400, default 30. 0, null or false: no lease and no heartbeats, it never expires.
   */
  readonly leaseSeconds?: number | null | false | undefined;
  /** A handler per task name, or one for all. */
  readonly tasks: TaskHandler | Readonly<Record<string, TaskHandler>>;
  /** Where to listen. Default 127.0.0.1. */
  readonly host?: string | undefined;
  /** Default 0: any free port. */
  readonly port?: number | undefined;
  /** The URL at which the service reaches this agent. Default: what it listens on. */
  readonly contactEndpoint?: string | URL | undefined;
  /** Default: OPSCORE_API_URL. Without it and the key the agent works, but reports nothing. */
  readonly opscoreApiUrl?: string | URL | undefined;
  /** Default: OPSCORE_API_KEY. */
  readonly opscoreApiKey?: string | undefined;
  /** Default true. False takes tasks from anybody who can reach the port. */
  readonly verify?: boolean | undefined;
  /** How far a dispatch's timestamp may be from now. Default 300. */
  readonly toleranceSeconds?: number | undefined;
  /** Tasks in flight; over it the service is asked to come back (503). Default: no limit. */
  readonly concurrency?: number | undefined;
  /** Default 1,114,112 (1 MiB + 64 KiB); over it 413. */
  readonly maxBodyBytes?: number | undefined;
  /** How long handlers may go on when the agent stops, in milliseconds. Default 10,000. */
  readonly graceMs?: number | undefined;
  /** Close and exit with 0 on SIGTERM and SIGINT. Default true. */
  readonly handleSignals?: boolean | undefined;
  /** Gives up registering when aborted, with code `aborted`. */
  readonly signal?: AbortSignal | undefined;
  /** Default: lines to stderr. */
  readonly logger?: AgentLogger | undefined;
  /** Delays between registration attempts while the service is away; the last one repeats for ever. */
  readonly registerDelaysMs?: readonly number[] | undefined;
  /** Delays between attempts at one state report: see `reportStateToOpscore`. */
  readonly reportDelaysMs?: readonly number[] | undefined;
  /** For tests. */
  readonly clock?: Clock | undefined;
}

/** AgentOptions with every default filled in, checked before anything starts. */
export interface AgentSettings {
  readonly name: string;
  readonly version: string;
  readonly capabilities: readonly string[];
  readonly metadata: Readonly<Record<string, unknown>>;
  /** Undefined: no lease. */
  readonly leaseSeconds: number | undefined;
  readonly handlerOf: (taskName: string) => TaskHandler | undefined;
  readonly host: string;
  readonly port: number;
  readonly contactEndpoint: string | undefined;
  readonly client: ClientOptions & { readonly baseUrl: string };
  readonly opscore: { readonly opscoreApiUrl: URL; readonly opscoreApiKey: string } | undefined;
  readonly verify: boolean;
  readonly toleranceSeconds: number;
  readonly concurrency: number;
  readonly maxBodyBytes: number;
  readonly graceMs: number;
  readonly handleSignals: boolean;
  readonly signal: AbortSignal | undefined;
  readonly logger: AgentLogger;
  readonly registerDelaysMs: readonly number[];
  readonly reportDelaysMs: readonly number[] | undefined;
  readonly clock: Clock;
}

/** Half a minute at the most between attempts: an agent is back soon after the service is. */
const REGISTER_DELAYS_MS: readonly number[] = [250, 500, 1_000, 2_000, 5_000, 10_000, 30_000];

/** Ops-Core knows within half a minute that an agent crashed, at the cost of a heartbeat in 10 s. */
const DEFAULT_LEASE_SECONDS = 30;
/** What the service takes. */
const MAX_LEASE_SECONDS = 86_400;

/** Throws `invalid_argument`, naming the option. */
export function resolveAgentOptions(options: AgentOptions): AgentSettings {
  const host = options.host ?? '127.0.0.1';
  const contactEndpoint = options.contactEndpoint?.toString();
  if (contactEndpoint === undefined && (host === '0.0.0.0' || host === '::')) {
    throw invalidArgument(
      `contactEndpoint is needed with host ${host}: nobody can connect to that address.`,
    );
  }
  if (contactEndpoint !== undefined) checkContactEndpoint(contactEndpoint);
  return {
    name: text('name', options.name),
    version: text('version', options.version),
    capabilities: options.capabilities ?? [],
    metadata: options.metadata ?? {},
    leaseSeconds: lease(options.leaseSeconds),
    handlerOf: handlers(options.tasks),
    host,
    port: options.port ?? 0,
    contactEndpoint,
    client: {
      baseUrl: String(options.baseUrl ?? readEnvironment().agentkitUrl),
      apiKey: options.apiKey,
      timeoutMs: options.timeoutMs,
    },
    opscore: opscore(options),
    verify: options.verify ?? true,
    toleranceSeconds: options.toleranceSeconds ?? 300,
    concurrency: options.concurrency ?? Number.POSITIVE_INFINITY,
    maxBodyBytes: options.maxBodyBytes ?? 1024 * 1024 + 64 * 1024,
    graceMs: options.graceMs ?? 10_000,
    handleSignals: options.handleSignals ?? true,
    signal: options.signal,
    logger: options.logger ?? stderrLogger,
    registerDelaysMs: options.registerDelaysMs ?? REGISTER_DELAYS_MS,
    reportDelaysMs: options.reportDelaysMs,
    clock: options.clock ?? systemClock,
  };
}

function text(option: string, value: unknown): string {
  if (typeof value !== 'string' || value === '')
    throw invalidArgument(`${option} must be a non-empty string.`);
  return value;
}

function lease(given: AgentOptions['leaseSeconds']): number | undefined {
  if (given === undefined) return DEFAULT_LEASE_SECONDS;
  if (given === null || given === false || given === 0) return undefined;
  if (Number.isInteger(given) && given >= 1 && given <= MAX_LEASE_SECONDS) return given;
  throw invalidArgument(
    `leaseSeconds must be a whole number from 1 to ${String(MAX_LEASE_SECONDS)}, or 0 for no lease.`,
  );
}

function handlers(tasks: unknown): (taskName: string) => TaskHandler | undefined {
  if (typeof tasks === 'function') return () => tasks as TaskHandler;
  if (!isObject(tasks) || Object.values(tasks).some((handler) => typeof handler !== 'function')) {
    throw invalidArgument('tasks must be a function, or an object of functions by task name.');
  }
  // Own keys alone: a task named "constructor" is unknown like any other.
  const byName = new Map(Object.entries(tasks) as [string, TaskHandler][]);
  return (taskName) => byName.get(taskName);
}

function opscore(options: AgentOptions): AgentSettings['opscore'] {
  const environment = readEnvironment();
  const url = options.opscoreApiUrl ?? environment.opscoreApiUrl;
  const key = options.opscoreApiKey ?? environment.opscoreApiKey;
  if (url === undefined || key === undefined) return undefined;
  return { opscoreApiUrl: opscoreBase(url), opscoreApiKey: opscoreKey(key) };
}

function checkContactEndpoint(value: string): void {
  // Only what apiBase finds wrong matters: an endpoint may have a query.
  apiBase('contactEndpoint', value.replace(/[?#].*$/s, ''));
}
