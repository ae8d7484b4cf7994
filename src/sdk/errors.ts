/**
 * Codes that the SDK gives by itself; every other `code` is the service's `error_code` (docs/errors.md).
 *
 * - `invalid_argument`: a call was made wrongly; nothing was sent
 * - `network_error`: no answer (refused, reset, name unknown, ...)
 * - `timeout`: no whole answer in time
 * - `aborted`: the caller's signal, or the stopping agent, ended it
 * - `invalid_response`: an answer that is not the contract's envelope
 * - `opscore_unauthorized`: Ops-Core answered 401 or 403
 * - `opscore_agent_unknown`: Ops-Core answered 404 until the schedule was used up
 * - `opscore_unavailable`: Ops-Core answered 5xx, 408, 425 or 429 until the schedule was used up
 * - `opscore_rejected`: any other status of Ops-Core, redirects among them
 * - `listen_failed`: the agent's own server could not listen
 */
export type SdkErrorCode =
  | 'invalid_argument'
  | 'network_error'
  | 'timeout'
  | 'aborted'
  | 'invalid_response'
  | 'opscore_unauthorized'
  | 'opscore_agent_unknown'
  | 'opscore_unavailable'
  | 'opscore_rejected'
  | 'listen_failed';

/** One fault of a request, as the service's 422 lists them (contract section 1). */
export interface FieldError {
  readonly path: string;
  readonly message: string;
}

export interface AgentKitErrorDetails {
  readonly statusCode?: number | undefined;
  readonly body?: unknown;
  readonly errors?: readonly FieldError[] | undefined;
  readonly retryAfterMs?: number | undefined;
  readonly attempts?: number | undefined;
}

/**
 * The SDK's only error. Match on `code`, never with `instanceof`: two copies of the SDK in one process have
 * two classes. Neither the message nor any property holds a key, token or secret.
 */
export class AgentKitError extends Error {
  override readonly name = 'AgentKitError';
  /** Stable and in snake case. */
  readonly code: SdkErrorCode | (string & {});
  /** Undefined when there was no answer. */
  readonly statusCode: number | undefined;
  /** The refusing answer: parsed if it was JSON, else its text. Undefined when there was none. */
  readonly body: unknown;
  /** What was wrong and where, when the service said so. */
  readonly errors: readonly FieldError[] | undefined;
  /** What `Retry-After` asked for, in milliseconds. */
  readonly retryAfterMs: number | undefined;
  /** How many attempts were made, where there are several. */
  readonly attempts: number | undefined;

  constructor(
    code: SdkErrorCode | (string & {}),
    message: string,
    details: AgentKitErrorDetails = {},
  ) {
    super(message);
    this.code = code;
    this.statusCode = details.statusCode;
    this.body = details.body;
    this.errors = details.errors;
    this.retryAfterMs = details.retryAfterMs;
    this.attempts = details.attempts;
  }
}

/**
 * Whether the service says that it does not know the agent, or not its token: its database was lost, the agent was
 * deregistered, or another process took its name.
 */
export function isForgotten(error: unknown): error is AgentKitError {
  if (!(error instanceof AgentKitError)) return false;
  return error.code === 'agent_not_found' || error.code === 'unauthorized';
}

/** For arguments that can never work: code `invalid_argument`. */
export function invalidArgument(message: string): AgentKitError {
  return new AgentKitError('invalid_argument', message);
}
