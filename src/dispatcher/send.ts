import { Agent, request, type Dispatcher } from 'undici';
import type { Clock } from '../clock.ts';
import type { ErrorClass } from '../outbox/delivery.ts';
import type { Sender, SendRequest, SendResult } from '../outbox/sending.ts';
import type { Redact } from './redact.ts';
import { parseRetryAfter } from './retry-after.ts';

/** Of an answer 4 KiB are kept (contract section 6). */
const EXCERPT_BYTES = 4_096;

/** Read beyond them, so that a secret is still recognised where the cut goes through it. */
const REDACTION_MARGIN_BYTES = 4_096;

/** A connection is worth keeping if this is all there is to drain; past it the connection is closed. */
const DRAIN_BYTES = 65_536;

/**
 * Sockets to one origin. More than AGENT_CONCURRENCY is only needed where many agents share an origin,
 * and for Ops-Core. Pipelining gave nothing (docs/architecture.md).
 */
const CONNECTIONS = 128;

/** A dispatcher of outbound connections: keep-alive, one pool per origin, no redirects. */
export function createHttpAgent(connect?: Agent.Options['connect']): Agent {
  return new Agent({
    connections: CONNECTIONS,
    pipelining: 1,
    // The deadline of an attempt is one timer over the whole of it (see send): these are per phase and coarse.
    headersTimeout: 0,
    bodyTimeout: 0,
    ...(connect === undefined ? {} : { connect }),
  });
}

/** Sends POST requests through `http`; redirects are answers like any other, never followed. */
export function createSender(
  http: Dispatcher,
  clock: Clock,
  redact: Redact = (text) => text,
): Sender {
  const inFlight = new Set<AbortController>();

  async function send({ url, headers, body, timeoutMs }: SendRequest): Promise<SendResult> {
    const startedAt = clock.wall();
    const start = performance.now();
    const result = (rest: Partial<SendResult>): SendResult => ({
      startedAt,
      durationMs: Math.round(performance.now() - start),
      statusCode: null,
      errorClass: null,
      retryAfterMs: undefined,
      responseExcerpt: null,
      ...rest,
    });
    const controller = new AbortController();
    let sent = false;
    const deadline = setTimeout(() => {
      const abort = () => controller.abort('timeout');
      // A process that was stopped for a while (SIGSTOP, a suspended machine) finds its timers due before it reads what
      // was answered in time: that counts, a turn of the event loop later. What has not left yet must not leave any
      // more: the lease may be over.
      if (sent) setImmediate(abort);
      else abort();
    }, timeoutMs);
    inFlight.add(controller);
    try {
      const { signal } = controller;
      const answer = await request(url, {
        method: 'POST',
        headers,
        body,
        signal,
        dispatcher: noting(http, () => (sent = true)),
      });
      const retryAfter = [answer.headers['retry-after']].flat()[0];
      return result({
        statusCode: answer.statusCode,
        retryAfterMs: parseRetryAfter(retryAfter, clock.wall()),
        responseExcerpt: excerptOf(redact(await readStart(answer.body))),
      });
    } catch (error) {
      const { signal } = controller;
      return result({
        errorClass: signal.aborted ? (signal.reason as ErrorClass) : classify(error),
      });
    } finally {
      clearTimeout(deadline);
      inFlight.delete(controller);
    }
  }

  return {
    send,
    interrupt: () => {
      for (const controller of inFlight) controller.abort('interrupted');
    },
  };
}

/** Tells when a request that is dispatched through it has got its connection, and leaves. */
function noting(http: Dispatcher, onSent: () => void): Dispatcher {
  const dispatch: Dispatcher['dispatch'] = (options, handler) =>
    http.dispatch(options, {
      onRequestStart: (controller, context) => {
        onSent();
        handler.onRequestStart?.(controller, context);
      },
      onResponseStart: (...answer) => handler.onResponseStart?.(...answer),
      onResponseData: (...data) => handler.onResponseData?.(...data),
      onResponseEnd: (...end) => handler.onResponseEnd?.(...end),
      onResponseError: (...error) => handler.onResponseError?.(...error),
    });
  return { dispatch } as Dispatcher;
}

/**
 * The start of the answer; the rest is drained so that the connection can serve again, but not without end.
 * Once a status is there it decides: an answer that breaks off or drips past the deadline is read as far as it came.
 */
async function readStart(body: Dispatcher.ResponseData['body']): Promise<string> {
  const kept: Buffer[] = [];
  let keptBytes = 0;
  let seenBytes = 0;
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      const part = chunk.subarray(0, EXCERPT_BYTES + REDACTION_MARGIN_BYTES - keptBytes);
      kept.push(part);
      keptBytes += part.length;
      seenBytes += chunk.length;
      if (seenBytes > DRAIN_BYTES) break;
    }
  } catch {
    // What was read stands.
  }
  return startOfText(Buffer.concat(kept)).replaceAll('\0', '\uFFFD');
}

/** As much of a text as fits into EXCERPT_BYTES: what was not UTF-8 is U+FFFD by now, which takes three. */
function excerptOf(text: string): string {
  return startOfText(Buffer.from(text).subarray(0, EXCERPT_BYTES));
}

/** Without the half of a character at its end. */
function startOfText(bytes: Uint8Array): string {
  return new TextDecoder('utf-8').decode(bytes, { stream: true });
}

const CLASSES: Readonly<Record<string, ErrorClass>> = {
  ECONNREFUSED: 'connection_refused',
  ECONNRESET: 'connection_reset',
  EPIPE: 'connection_reset',
  UND_ERR_SOCKET: 'connection_reset',
  UND_ERR_CONNECT_TIMEOUT: 'timeout',
  ETIMEDOUT: 'timeout',
  ENOTFOUND: 'dns',
  EAI_AGAIN: 'dns',
  ENODATA: 'dns',
  ERR_BLOCKED_ADDRESS: 'blocked_address',
};

function classify(error: unknown): ErrorClass {
  const code = codeOf(error) ?? codeOf((error as { cause?: unknown } | null)?.cause);
  if (code === undefined) return 'network';
  if (/^(ERR_TLS|ERR_SSL|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_)/.test(code)) return 'tls';
  return CLASSES[code] ?? 'network';
}

function codeOf(error: unknown): string | undefined {
  // Several addresses tried (happy eyeballs) come as one AggregateError; its first member tells.
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error;
  const code = (first as { code?: unknown } | null | undefined)?.code;
  return typeof code === 'string' ? code : undefined;
}
