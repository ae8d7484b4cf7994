import {
  createServer as createHttpServer,
  type IncomingHttpHeaders,
  type RequestListener,
} from 'node:http';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

/** A server that nobody may reach: it counts raw connections, whatever is sent over them. */
export interface Canary {
  readonly port: number;
  connections(): number;
}

/** Listens on every address of this machine, loopback of both families included. */
export async function startCanary(): Promise<Canary> {
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    socket.destroy();
  });
  const port = await listen(server, '::');
  return { port, connections: () => connections };
}

/** Takes connections and never says a word. */
export async function startSilentServer(host = '127.0.0.1'): Promise<{ readonly port: number }> {
  return { port: await listen(createServer(), host) };
}

/** A port on which nothing listens: it was free a moment ago. */
export async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** One request as a receiver saw it. */
export interface Arrival {
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly bytes: Buffer;
}

export interface Receiver {
  readonly url: string;
  readonly port: number;
  readonly arrivals: readonly Arrival[];
}

/** What a receiver answers; a text body unless it writes for itself. */
export type Reply = { readonly status?: number; readonly body?: string } | RequestListener;

/** An agent, or Ops-Core: keeps what arrives and answers 200, or what `reply` says. */
export async function startReceiver(
  reply: (arrival: Arrival) => Reply = () => ({}),
  host = '127.0.0.1',
): Promise<Receiver> {
  const arrivals: Arrival[] = [];
  const server = createHttpServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => void chunks.push(chunk));
    request.on('end', () => {
      const arrival = {
        url: request.url ?? '',
        headers: request.headers,
        bytes: Buffer.concat(chunks),
      };
      arrivals.push(arrival);
      const answer = reply(arrival);
      if (typeof answer === 'function') answer(request, response);
      else response.writeHead(answer.status ?? 200).end(answer.body ?? '');
    });
  });
  const port = await listen(server, host);
  const name = host.includes(':') ? `[${host}]` : host;
  return { url: `http://${name}:${port}/tasks`, port, arrivals };
}

async function listen(server: Server, host: string): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    // A peer that resets is what these servers are for.
    socket.on('error', () => undefined);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, host, resolve);
  });
  onTestFinished(async () => {
    const closed = new Promise((resolve) => server.close(resolve));
    for (const socket of sockets) socket.destroy();
    await closed;
  });
  return (server.address() as AddressInfo).port;
}
