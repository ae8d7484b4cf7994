import { Agent, type Dispatcher } from 'undici';
import { ChurningSet } from '../churning.ts';
import type { Clock } from '../clock.ts';
import type { ErrorClass } from '../outbox/delivery.ts';
import type { Sender, SendOptions, SendRequest, SendResult } from '../outbox/sending.ts';
import { Exchange, type Exchanged } from './exchange.ts';
import type { Redact } from './redact.ts';
import { parseRetryAfter } from './retry-after.ts';

/** Of an answer 4 KiB are kept (contract section 6). */
const EXCERPT_BYTES = 4_096;

/** Read beyond them, so that a secret is still recognised where the cut goes through it. */
const REDACTION_MARGIN_BYTES = 4_096;

/** A connection is worth keeping if this is all there is to drain; past it the connection is closed. */
const DRAIN_BYTES = 65_536;

const READ_LIMITS = { keep: EXCERPT_BYTES + REDACTION_MARGIN_BYTES, drain: DRAIN_BYTES };

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
  const inFlight = new ChurningSet<Exchange>();

  function exchange({ url, headers, body, timeoutMs }: SendRequest): Promise<Exchanged> {
    return new Promise((resolve) => {
      const overAt = performance.now() + timeoutMs;
      const running = new Exchange(
        READ_LIMITS,
        (exchanged) => {
          clearTimeout(deadline);
          inFlight.delete(running);
          resolve(exchanged);
        },
        // The system may tell of a connection before its turn comes to the timers.
        () => (performance.now() < overAt ? undefined : new CutOff('timeout')),
      );
      const stop = () => running.stop(new CutOff('timeout'));
      // When the process was stopped for a while its timers come first. What the agent answered in time counts, and is
      // read a turn of the event loop later; what has not left yet must not leave any more: the lease may be over.
      const late = () => (running.hasLeft ? void setImmediate(stop) : stop());
      const deadline = setTimeout(late, timeoutMs);
      inFlight.add(running);
      try {
        const { origin, pathname, search } = new URL(url);
        http.dispatch({ origin, path: pathname + search, method: 'POST', headers, body }, running);
      } catch (error) {
        running.stop(error);
      }
    });
  }

  async function send(
    request: SendRequest,
    { readsTime = false }: SendOptions = {},
  ): Promise<SendResult> {
    const startedAt = request.at ?? clock.wall();
    const start = performance.now();
    const { connectedAt, answeredAt, ending } = await exchange(request);
    const since = (moment: number | null) => (moment === null ? null : Math.round(moment - start));
    const times = {
      startedAt,
      durationMs: Math.round(performance.now() - start),
      connectedMs: since(connectedAt),
      answeredMs: since(answeredAt),
    };
    if ('error' in ending) return { ...NO_ANSWER, ...times, errorClass: classify(ending.error) };
    return {
      ...times,
      statusCode: ending.statusCode,
      errorClass: null,
      retryAfterMs: parseRetryAfter(ending.retryAfter, clock.wall()),
      ...(readsTime ? { receiverTime: timeOf(ending.date) } : {}),
      responseExcerpt: excerptOf(redact(textOf(ending.start))),
    };
  }

  return {
    send,
    interrupt: () => {
      for (const running of inFlight) running.stop(new CutOff('interrupted'));
    },
  };
}

const NO_ANSWER = { statusCode: null, retryAfterMs: undefined, responseExcerpt: null } as const;

/** Why we ended an attempt ourselves. */
class CutOff extends Error {
  readonly errorClass: ErrorClass;

  constructor(errorClass: ErrorClass) {
    super(errorClass);
    this.errorClass = errorClass;
  }
}

function textOf(bytes: Buffer): string {
  return bytes.length === 0 ? '' : startOfText(bytes).replaceAll('\0', '\uFFFD');
}

/** Of a Date header, in whole seconds; undefined without one that can be read. */
function timeOf(date: string | undefined): number | undefined {
  const time = Date.parse(date ?? '');
  return Number.isNaN(time) ? undefined : time;
}

/** As much of a text as fits into EXCERPT_BYTES: what was not UTF-8 is U+FFFD by now, which takes three. */
function excerptOf(text: string): string {
  // No character takes more than three bytes per UTF-16 unit.
  if (text.length * 3 <= EXCERPT_BYTES) return text;
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
  if (error instanceof CutOff) return error.errorClass;
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
