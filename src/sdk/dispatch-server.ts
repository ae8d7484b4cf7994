import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { AgentKitError } from './errors.ts';
import { messageOf } from './logger.ts';

/** An answer to the service, in its own envelope. */
export interface DispatchAnswer {
  readonly statusCode: number;
  readonly body: Record<string, unknown>;
  readonly headers?: Record<string, string>;
}

export interface DispatchServerOptions {
  readonly host: string;
  readonly port: number;
  readonly maxBodyBytes: number;
  /** Asked before a body is read, so that nothing is held in memory while it waits. An answer refuses. */
  admit(): Promise<DispatchAnswer | undefined>;
  accept(headers: IncomingMessage['headers'], body: Uint8Array): DispatchAnswer;
}

export interface DispatchServer {
  /** `http://host:port/`. */
  readonly url: string;
  /** Stops listening and ends every connection. */
  close(): Promise<void>;
}

/** Listens for dispatches: any path, POST only. Rejects with `listen_failed`. */
export async function startDispatchServer(options: DispatchServerOptions): Promise<DispatchServer> {
  const server = createServer(
    { requestTimeout: 30_000, headersTimeout: 10_000 },
    (request, response) => {
      void answer(options, request).then((given) => {
        if (given !== undefined) send(response, given);
      });
    },
  );
  // Longer than the pause between two tasks is likely to be: a client that reuses a connection just as we close
  // it sees a reset.
  server.keepAliveTimeout = 30_000;
  await listen(server, options);
  const { address, port, family } = server.address() as AddressInfo;
  const host = family === 'IPv6' ? `[${address}]` : address;
  return {
    url: `http://${host}:${String(port)}/`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}

/** The error envelope of contract section 1. */
export function errorAnswer(
  statusCode: number,
  errorCode: string,
  message: string,
  headers: Record<string, string> = {},
): DispatchAnswer {
  return {
    statusCode,
    headers,
    body: { status: 'error', message, detail: message, error_code: errorCode },
  };
}

function listen(server: Server, { host, port }: DispatchServerOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => {
      reject(new AgentKitError('listen_failed', `The agent cannot listen: ${messageOf(error)}.`));
    });
    server.listen(port, host, () => {
      resolve();
    });
  });
}

async function answer(
  options: DispatchServerOptions,
  request: IncomingMessage,
): Promise<DispatchAnswer | undefined> {
  if (request.method !== 'POST') {
    return errorAnswer(405, 'method_not_allowed', 'Tasks are posted here.', { allow: 'POST' });
  }
  const refusal = await options.admit();
  if (refusal !== undefined) return refusal;
  const body = await readBody(request, options.maxBodyBytes);
  if (body === 'broken_off') return undefined;
  if (body === 'too_large') {
    return errorAnswer(
      413,
      'body_too_large',
      `A task may have ${String(options.maxBodyBytes)} bytes at the most.`,
    );
  }
  return options.accept(request.headers, body);
}

/** The raw bytes. What is over the cap is not kept; node discards the rest of the request by itself. */
function readBody(
  request: IncomingMessage,
  maxBytes: number,
): Promise<Uint8Array | 'too_large' | 'broken_off'> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let size = 0;
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= maxBytes) chunks.push(chunk);
      else resolve('too_large');
    });
    request.on('end', () => {
      resolve(Buffer.concat(chunks));
    });
    request.on('error', () => {
      resolve('broken_off');
    });
    request.on('close', () => {
      resolve('broken_off');
    });
  });
}

function send(response: ServerResponse, { statusCode, body, headers }: DispatchAnswer): void {
  const bytes = Buffer.from(JSON.stringify(body));
  response.writeHead(statusCode, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': bytes.length,
    ...headers,
  });
  response.end(bytes);
}
