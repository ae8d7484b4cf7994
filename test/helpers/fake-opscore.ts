import { createHmac, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';
import { onTestFinished } from 'vitest';
import { aSecret } from './secrets.ts';

export interface LifecycleEvent {
  readonly event_type: 'REGISTER' | 'DEREGISTER';
  readonly agent_details: {
    readonly agentId: string;
    readonly agentName: string;
    readonly version: string;
    readonly capabilities: readonly string[];
    readonly contactEndpoint: string;
    readonly metadata: Readonly<Record<string, unknown>>;
  };
}

export interface StateReport {
  readonly agentId: string;
  readonly timestamp: string;
  readonly state: string;
  readonly details: Readonly<Record<string, unknown>>;
}

/** One request as Ops-Core saw it, with the status that it gave. */
export interface OpscoreArrival {
  readonly kind: 'webhook' | 'report';
  readonly agentId: string;
  readonly headers: IncomingHttpHeaders;
  readonly bytes: Buffer;
  /** Of `performance.now()`; answered: undefined while it is not. */
  readonly receivedAt: number;
  answeredAt: number | undefined;
  status: number;
}

/** The only two verifiers that matter: what Ops-Core computes itself, and the stock package. */
export interface Verification {
  readonly own: boolean;
  readonly stock: boolean;
}

export interface FakeOpscore {
  readonly webhookSecret: string;
  readonly webhookUrl: string;
  readonly apiUrl: string;
  /** What the service must be told to use it. */
  readonly env: Readonly<Record<string, string>>;
  /** All requests in the order of their arrival. */
  readonly arrivals: readonly OpscoreArrival[];
  /** The most webhooks of one agent that were ever under way at once. */
  readonly mostInFlight: () => number;
  /** Answers instead of Ops-Core: a status, or undefined to let it answer itself. May take its time. */
  fail: (arrival: OpscoreArrival) => Promise<number | undefined> | number | undefined;
  /** The events that got a 2xx, in order, of one agent or of all. */
  events(agentId?: string): LifecycleEvent[];
  /** The state reports that got a 2xx, in order, of one agent or of all. */
  reports(agentId?: string): StateReport[];
  /** `REGISTER`, `error`, ...: what was accepted of an agent, webhooks and reports in one order. */
  story(agentId: string): string[];
  verify(arrival: { bytes: Buffer; headers: IncomingHttpHeaders }): Verification;
  /** Nothing listens any more; `up` listens on the same port again. */
  down(): Promise<void>;
  up(): Promise<void>;
}

const API_KEY = aSecret('OPSCORE_API_KEY');
const STATE_PATH = /^\/v1\/opscore\/agent\/([^/]+)\/state$/;

/**
 * Ops-Core as the service meets it: a webhook receiver that refuses what does not verify, and the state endpoint,
 * which knows an agent from its REGISTER to its DEREGISTER. Ends with the test that started it.
 */
export async function startFakeOpscore(
  webhookSecret = aSecret('OPSCORE_WEBHOOK_SECRET'),
): Promise<FakeOpscore> {
  const arrivals: OpscoreArrival[] = [];
  const known = new Set<string>();
  const inFlight = new Map<string, number>();
  let mostInFlight = 0;
  const stock = new Webhook(
    webhookSecret,
    webhookSecret.startsWith('whsec_') ? {} : { format: 'raw' },
  );

  const server = createServer((request, response) => {
    void (async () => {
      const bytes = await readAll(request);
      const arrival = parse(request, bytes);
      arrivals.push(arrival);
      const busy = (inFlight.get(arrival.agentId) ?? 0) + 1;
      if (arrival.kind === 'webhook') {
        inFlight.set(arrival.agentId, busy);
        mostInFlight = Math.max(mostInFlight, busy);
      }
      const status = (await opscore.fail(arrival)) ?? judge(request, arrival);
      arrival.status = status;
      arrival.answeredAt = performance.now();
      if (arrival.kind === 'webhook') {
        inFlight.set(arrival.agentId, (inFlight.get(arrival.agentId) ?? 1) - 1);
        if (status < 300) note(arrival);
      }
      response.writeHead(status, { 'content-type': 'application/json' }).end('{}');
    })();
  });

  function judge(request: IncomingMessage, arrival: OpscoreArrival): number {
    if (request.method !== 'POST') return 405;
    if (arrival.kind === 'webhook') {
      if (request.url !== '/webhooks/agents') return 404;
      const { own, stock } = verify(arrival);
      if (!own || !stock) return 401;
      // Strict: what is no lifecycle event is refused.
      return 'event_type' in (json(arrival.bytes) as object) ? 202 : 422;
    }
    if (request.headers.authorization !== `Bearer ${API_KEY}`) return 401;
    if ((json(arrival.bytes) as StateReport).agentId !== arrival.agentId) return 400;
    return known.has(arrival.agentId) ? 202 : 404;
  }

  function note(arrival: OpscoreArrival): void {
    const event = json(arrival.bytes) as LifecycleEvent;
    if (event.event_type === 'REGISTER') known.add(arrival.agentId);
    else known.delete(arrival.agentId);
  }

  function verify({ bytes, headers }: { bytes: Buffer; headers: IncomingHttpHeaders }) {
    const stamp = String(headers['x-agentkit-timestamp']);
    const signed = Buffer.concat([Buffer.from(`${stamp}.`), bytes]);
    const expected = createHmac('sha256', Buffer.from(webhookSecret, 'utf8')).update(signed);
    const own =
      /^\d+$/.test(stamp) && same(expected.digest('hex'), headers['x-agentkit-signature']);
    return { own, stock: verifiedBy(stock, bytes, headers) };
  }

  const accepted = (agentId?: string) =>
    arrivals.filter(
      (arrival) =>
        arrival.status >= 200 &&
        arrival.status < 300 &&
        (agentId === undefined || arrival.agentId === agentId),
    );
  const of = <T>(kind: OpscoreArrival['kind'], agentId?: string) =>
    accepted(agentId)
      .filter((arrival) => arrival.kind === kind)
      .map((arrival) => json(arrival.bytes) as T);

  const listen = (port: number) =>
    new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen(port, '127.0.0.1', resolve);
    });
  const down = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  await listen(0);
  const { port } = server.address() as AddressInfo;
  onTestFinished(down);

  const url = `http://127.0.0.1:${String(port)}`;
  const opscore: FakeOpscore = {
    webhookSecret,
    webhookUrl: `${url}/webhooks/agents`,
    apiUrl: url,
    env: {
      OPSCORE_WEBHOOK_URL: `${url}/webhooks/agents`,
      OPSCORE_WEBHOOK_SECRET: webhookSecret,
      OPSCORE_API_URL: url,
      OPSCORE_API_KEY: API_KEY,
    },
    arrivals,
    mostInFlight: () => mostInFlight,
    fail: () => undefined,
    events: (agentId) => of<LifecycleEvent>('webhook', agentId),
    reports: (agentId) => of<StateReport>('report', agentId),
    story: (agentId) =>
      accepted(agentId).map(({ kind, bytes }) =>
        kind === 'webhook'
          ? (json(bytes) as LifecycleEvent).event_type
          : (json(bytes) as StateReport).state,
      ),
    verify,
    down,
    up: () => listen(port),
  };
  return opscore;
}

function parse(request: IncomingMessage, bytes: Buffer): OpscoreArrival {
  const reportOf = STATE_PATH.exec(request.url ?? '')?.[1];
  const kind = reportOf === undefined ? 'webhook' : 'report';
  const event = (request.method === 'POST' ? json(bytes) : {}) as Partial<LifecycleEvent>;
  const agentId = reportOf ?? event.agent_details?.agentId ?? '';
  const { headers } = request;
  const receivedAt = performance.now();
  return { kind, agentId, headers, bytes, receivedAt, answeredAt: undefined, status: 0 };
}

async function readAll(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function json(bytes: Buffer): unknown {
  return JSON.parse(bytes.toString('utf8'));
}

function same(expected: string, given: unknown): boolean {
  if (typeof given !== 'string' || given.length !== expected.length) return false;
  return timingSafeEqual(Buffer.from(expected), Buffer.from(given));
}

function verifiedBy(webhook: Webhook, bytes: Buffer, headers: IncomingHttpHeaders): boolean {
  try {
    webhook.verify(bytes, headers as Record<string, string>);
    return true;
  } catch {
    return false;
  }
}
