import { readHeader, type HeaderSource } from './headers.ts';
import { isObject } from './wire.ts';

/** A task as a handler gets it: the same whichever shape of contract section 4 it came in. */
export interface NormalisedTask {
  /** The service's id (`X-AgentKit-Task-Id`, else `webhook-id`): stable over retries. */
  readonly taskId: string | undefined;
  /** `task_name`, else `messageType`. */
  readonly taskName: string;
  /** `parameters`, else `payload`, else `{}`. */
  readonly parameters: Record<string, unknown>;
  /** `opscore_task_id`, else `sessionContext.taskId`. */
  readonly opscoreTaskId: string | undefined;
  /** `opscore_session_id`, else `sessionContext.sessionId`. */
  readonly opscoreSessionId: string | undefined;
  /** The service's attempt at this dispatch, from 1. */
  readonly attempt: number;
  /** W3C trace context, to be sent on by the handler. */
  readonly traceparent: string | undefined;
  readonly tracestate: string | undefined;
  /** Who sent it, in the message shape. */
  readonly senderId: string | undefined;
  /** The whole body, unknown keys included. */
  readonly body: Record<string, unknown>;
}

export type NormalisedTaskResult =
  | { readonly ok: true; readonly task: NormalisedTask }
  /** One sentence saying what is malformed. */
  | { readonly ok: false; readonly message: string };

/**
 * Reads a dispatch body in either shape. What stands at the top level wins over `sessionContext`; null counts as
 * absent, as Python clients write optional fields so. Verify the signature first: this checks the form alone.
 */
export function normaliseTask(
  rawBody: Uint8Array | string,
  headers: HeaderSource,
): NormalisedTaskResult {
  const body = parseJson(rawBody);
  if (!isObject(body)) return malformed('The body must be a JSON object in UTF-8.');
  const context = body['sessionContext'] ?? {};
  if (!isObject(context)) return malformed('sessionContext must be an object.');
  const parameters = body['parameters'] ?? body['payload'] ?? {};
  if (!isObject(parameters)) return malformed('parameters (or payload) must be an object.');
  const taskName = body['task_name'] ?? body['messageType'];
  if (typeof taskName !== 'string' || taskName === '') {
    return malformed('task_name (or messageType) must be a non-empty string.');
  }
  const opscoreTaskId = body['opscore_task_id'] ?? context['taskId'] ?? undefined;
  const opscoreSessionId = body['opscore_session_id'] ?? context['sessionId'] ?? undefined;
  const senderId = body['senderId'] ?? undefined;
  if (!isOptionalString(opscoreTaskId)) return malformed('opscore_task_id must be a string.');
  if (!isOptionalString(opscoreSessionId)) return malformed('opscore_session_id must be a string.');
  if (!isOptionalString(senderId)) return malformed('senderId must be a string.');
  return {
    ok: true,
    task: {
      taskId: readHeader(headers, 'x-agentkit-task-id') ?? readHeader(headers, 'webhook-id'),
      taskName,
      parameters,
      opscoreTaskId,
      opscoreSessionId,
      attempt: readAttempt(headers),
      traceparent: readHeader(headers, 'traceparent'),
      tracestate: readHeader(headers, 'tracestate'),
      senderId,
      body,
    },
  };
}

/** `X-AgentKit-Attempt`, from 1; 1 when it is absent or no number. */
export function readAttempt(headers: HeaderSource): number {
  const value = readHeader(headers, 'x-agentkit-attempt') ?? '';
  return /^[1-9]\d{0,8}$/.test(value) ? Number(value) : 1;
}

function malformed(message: string): NormalisedTaskResult {
  return { ok: false, message };
}

function parseJson(rawBody: Uint8Array | string): unknown {
  try {
    const text =
      typeof rawBody === 'string'
        ? rawBody
        : new TextDecoder('utf-8', { fatal: true }).decode(rawBody);
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function isOptionalString(value: unknown): value is string | undefined {
  return value === undefined || typeof value === 'string';
}
