import { readEnvironment } from './env.ts';
import { AgentKitError, invalidArgument, type SdkErrorCode } from './errors.ts';
import { sendRequest } from './http.ts';
import {
  isRetryableStatus,
  isTransient,
  parseRetryAfter,
  systemClock,
  withRetry,
  type Clock,
} from './retry.ts';
import {
  answerBody,
  apiBase,
  headerValue,
  isObject,
  jsonText,
  pathSegment,
  urlOf,
} from './wire.ts';

/** The states of contract section 5. Ops-Core dispatches only to an agent that is exactly `idle`. */
export const AGENT_STATES = ['initializing', 'idle', 'active', 'finished', 'error'] as const;
export type AgentState = (typeof AGENT_STATES)[number];

/**
 * About 50 s in all. The first report of an agent often overtakes its REGISTER webhook by less than a second, a
 * restart of Ops-Core takes some ten.
 */
export const REPORT_DELAYS_MS: readonly number[] = [250, 500, 1_000, 2_000, 5_000, 10_000, 30_000];

const REPORT_TIMEOUT_MS = 10_000;

/** As much of an answer as the service itself keeps (contract section 6). */
const MAX_ANSWER_BYTES = 4096;

export interface ReportRetryOptions {
  /** The delays between attempts, in milliseconds, each ± 20 %. `[]`: one attempt. */
  readonly delaysMs?: readonly number[] | undefined;
  /** One attempt, whole, in milliseconds. Default 10,000. */
  readonly timeoutMs?: number | undefined;
  /** For tests. */
  readonly clock?: Clock | undefined;
}

export interface StateReport {
  readonly agentId: string;
  readonly state: AgentState;
  /** Any JSON object. Default `{}`. */
  readonly details?: Readonly<Record<string, unknown>> | undefined;
  /** Default: OPSCORE_API_URL. With or without a trailing `/` or `/v1`; a path prefix is kept. */
  readonly opscoreApiUrl?: string | URL | undefined;
  /** Default: OPSCORE_API_KEY. */
  readonly opscoreApiKey?: string | undefined;
  /** When it became so. Default: now; the same on every attempt. */
  readonly timestamp?: Date | string | undefined;
  readonly retry?: ReportRetryOptions | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Reports an agent's state to Ops-Core: `POST {url}/v1/opscore/agent/{agentId}/state` (contract section 5).
 * Resolves on any 2xx. Tried again: network errors, timeouts, 404 (REGISTER may still be on its way), 408, 425,
 * 429 and 5xx; `Retry-After` is honoured up to 5 minutes. Final at once: every other 4xx, and 3xx, which is never
 * followed.
 *
 * Rejects with an AgentKitError: `invalid_argument`, `opscore_unauthorized`, `opscore_rejected`,
 * `opscore_agent_unknown`, `opscore_unavailable`, `network_error`, `timeout`, `aborted`.
 */
export async function reportStateToOpscore(
  report: StateReport,
): Promise<{ statusCode: number; attempts: number }> {
  const environment = readEnvironment();
  const base = opscoreBase(report.opscoreApiUrl ?? environment.opscoreApiUrl);
  const key = opscoreKey(report.opscoreApiKey ?? environment.opscoreApiKey);
  const clock = report.retry?.clock ?? systemClock;
  if (!AGENT_STATES.includes(report.state)) {
    throw invalidArgument(`state must be one of ${AGENT_STATES.join(', ')}, in lower case.`);
  }
  const path = `/v1/opscore/agent/${pathSegment('agentId', report.agentId)}/state`;
  const details = report.details ?? {};
  if (!isObject(details)) throw invalidArgument('details must be an object.');
  const body = jsonText('details', {
    agentId: report.agentId,
    timestamp: isoTime(report.timestamp ?? new Date(clock.now())),
    state: report.state,
    details,
  });

  return withRetry(
    async (attempts) => {
      const name = `POST ${path} (attempt ${String(attempts)})`;
      const outcome = await sendRequest({
        method: 'POST',
        url: urlOf(base, path),
        headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
        body,
        timeoutMs: report.retry?.timeoutMs ?? REPORT_TIMEOUT_MS,
        signal: report.signal,
        maxBytes: MAX_ANSWER_BYTES,
      });
      if (outcome.kind !== 'answer') {
        const why = outcome.kind === 'network_error' ? ` (${outcome.detail})` : '';
        throw new AgentKitError(outcome.kind, `${name}: ${outcome.kind} at Ops-Core${why}.`, {
          attempts,
        });
      }
      const statusCode = outcome.status;
      if (statusCode >= 200 && statusCode <= 299) return { statusCode, attempts };
      throw new AgentKitError(
        codeOf(statusCode),
        `${name}: Ops-Core answered ${String(statusCode)}.`,
        {
          statusCode,
          attempts,
          body: answerBody(outcome.text, [key]),
          retryAfterMs: parseRetryAfter(outcome.headers.get('retry-after'), clock.now()),
        },
      );
    },
    {
      delaysMs: report.retry?.delaysMs ?? REPORT_DELAYS_MS,
      clock,
      signal: report.signal,
      retryable: isReportRetryable,
    },
  );
}

/** Whether the same report may be taken later. */
export function isReportRetryable(error: unknown): boolean {
  return (
    isTransient(error) || (error instanceof AgentKitError && error.code === 'opscore_agent_unknown')
  );
}

/** Checks OPSCORE_API_URL; throws `invalid_argument`. */
export function opscoreBase(url: string | URL | undefined): URL {
  if (url === undefined) throw invalidArgument('opscoreApiUrl (OPSCORE_API_URL) is not set.');
  return apiBase('opscoreApiUrl (OPSCORE_API_URL)', url);
}

/** Checks OPSCORE_API_KEY; throws `invalid_argument`, without the key. */
export function opscoreKey(key: string | undefined): string {
  if (key === undefined || key === '') {
    throw invalidArgument('opscoreApiKey (OPSCORE_API_KEY) is not set.');
  }
  return headerValue('opscoreApiKey (OPSCORE_API_KEY)', key);
}

function codeOf(status: number): SdkErrorCode {
  if (status === 404) return 'opscore_agent_unknown';
  if (status === 401 || status === 403) return 'opscore_unauthorized';
  return isRetryableStatus(status) ? 'opscore_unavailable' : 'opscore_rejected';
}

function isoTime(timestamp: Date | string): string {
  const date = new Date(timestamp);
  if (Number.isNaN(date.getTime())) throw invalidArgument('timestamp must be a date, or ISO 8601.');
  return date.toISOString();
}
