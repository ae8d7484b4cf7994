import { createHash, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { verifySignature, type SignatureFailure } from '../../sdk/signature.ts';
import { isObject } from '../../sdk/wire.ts';
import { CliError } from '../exit.ts';

/** What came, and what it was answered with. */
export type Arrival =
  | {
      readonly type: 'webhook';
      readonly id: string | undefined;
      readonly body: Readonly<Record<string, unknown>>;
      readonly status: number;
      /** Where it was sent on to. */
      readonly forwardedTo: string | undefined;
    }
  | {
      readonly type: 'state';
      readonly agentId: string;
      readonly body: Readonly<Record<string, unknown>>;
      readonly status: number;
    }
  | {
      readonly type: 'refused';
      readonly path: string;
      readonly why: Refusal;
      readonly status: number;
    };

export type Refusal =
  SignatureFailure | 'no_json_object' | 'wrong_key' | 'wrong_path' | 'wrong_method' | 'too_large';

/** Sends a webhook on as it came. @returns the status of the answer; undefined without one. */
export type Forward = (
  headers: IncomingHttpHeaders,
  body: Uint8Array,
) => Promise<number | undefined>;

export interface ReceiverOptions {
  readonly port: number;
  /** Of the webhook's URL. */
  readonly path: string;
  readonly secrets: readonly string[];
  /** Undefined: whoever reaches it may report states. */
  readonly apiKey: string | undefined;
  readonly forward: { readonly to: string; readonly send: Forward } | undefined;
  readonly onArrival: (arrival: Arrival) => void;
}

export interface Receiver {
  /** Its origin. */
  readonly url: string;
  close(): Promise<void>;
}

const STATE_PATH = /^\/v1\/opscore\/agent\/([^/]+)\/state$/;
const MAX_BODY_BYTES = 16 * 1_048_576;

/**
 * A small Ops-Core on loopback: takes lifecycle webhooks that verify and state reports (contract sections 3 and 5), and
 * tells of each.
 * @throws CliError when the port is taken.
 */
export async function startReceiver(options: ReceiverOptions): Promise<Receiver> {
  const server = createServer((request, response) => {
    receive(request, options).then(
      (arrival) => {
        options.onArrival(arrival);
        response
          .writeHead(arrival.status, { 'content-type': 'application/json' })
          .end(arrival.type === 'refused' ? JSON.stringify({ detail: arrival.why }) : '{}');
      },
      // It was cut off before it had come whole.
      () => response.destroy(),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const taken = error.code === 'EADDRINUSE' ? '; --port says another' : '';
      reject(new CliError(`cannot listen on port ${options.port}: ${error.message}${taken}`));
    });
    server.listen(options.port, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function receive(request: IncomingMessage, options: ReceiverOptions): Promise<Arrival> {
  const { headers } = request;
  const path = (request.url ?? '').split('?', 1)[0] ?? '';
  const refused = (status: number, why: Refusal): Arrival => ({
    type: 'refused',
    path,
    why,
    status,
  });
  const body = await read(request);
  if (body === undefined) return refused(413, 'too_large');
  const agentId = STATE_PATH.exec(path)?.[1];
  if (agentId === undefined && path !== options.path) return refused(404, 'wrong_path');
  if (request.method !== 'POST') return refused(405, 'wrong_method');

  if (agentId !== undefined) {
    if (!isKey(headers.authorization, options.apiKey)) return refused(401, 'wrong_key');
    const report = jsonObject(body);
    if (report === undefined) return refused(400, 'no_json_object');
    return { type: 'state', agentId: decodeURIComponent(agentId), body: report, status: 202 };
  }

  const verified = verifySignature({ body, headers, secret: options.secrets });
  if (!verified.ok) return refused(401, verified.reason);
  const event = jsonObject(body);
  if (event === undefined) return refused(400, 'no_json_object');
  const { forward } = options;
  const status = forward === undefined ? 202 : ((await forward.send(headers, body)) ?? 502);
  return { type: 'webhook', id: verified.id, body: event, status, forwardedTo: forward?.to };
}

async function read(request: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size <= MAX_BODY_BYTES) chunks.push(chunk);
  }
  return size <= MAX_BODY_BYTES ? Buffer.concat(chunks) : undefined;
}

/** In constant time, whatever the lengths: digests are compared. */
function isKey(given: string | undefined, apiKey: string | undefined): boolean {
  if (apiKey === undefined) return true;
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given ?? ''), digest(`Bearer ${apiKey}`));
}

function jsonObject(body: Buffer): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(body.toString('utf8'));
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
