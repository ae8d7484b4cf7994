import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { startChild, type Child, type Environment } from './child.ts';
import type { Opscore } from './opscore.ts';

export interface AgentProcess {
  readonly child: Child;
  readonly agentId: string;
  readonly url: string;
  /** The `n` of the `note` tasks that it was given. */
  notes(): number[];
}

/** A real SDK agent as a process. */
export async function startAgentProcess(
  serviceUrl: string,
  opscore: Opscore,
  env: Environment = {},
): Promise<AgentProcess> {
  const child = startChild(join(import.meta.dirname, 'sdk-agent.ts'), {
    cwd: import.meta.dirname,
    env: { AGENTKIT_URL: serviceUrl, ...opscore.env, ...env },
  });
  const ready = await child.line('ready');
  return {
    child,
    agentId: String(ready['agentId']),
    url: String(ready['url']),
    notes: () =>
      child
        .lines()
        .filter((line) => line['msg'] === 'task')
        .map((line) => Number(line['n'])),
  };
}

export interface Endpoint {
  readonly url: string;
  /** TCP connections ever made to it. */
  readonly connections: () => number;
  /** When each of them came, of `performance.now()`. */
  readonly connectedAt: readonly number[];
  /** Ids of the tasks that it took, in order. */
  readonly taken: string[];
  /** Off: every connection is reset as soon as it is there. */
  on: boolean;
}

/** An agent's endpoint without an agent: takes what is posted, or resets every connection. */
export async function startEndpoint({ on = true }: { on?: boolean } = {}): Promise<Endpoint> {
  const taken: string[] = [];
  const sockets = new Set<Socket>();
  const connectedAt: number[] = [];
  const listener: RequestListener = (request, response) => {
    request.resume().on('end', () => {
      taken.push(String(request.headers['x-agentkit-task-id']));
      response.writeHead(202).end();
    });
  };
  const server = createServer(listener);
  server.on('connection', (socket) => {
    connectedAt.push(performance.now());
    if (!endpoint.on) return void socket.resetAndDestroy();
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(
    () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  );
  const { port } = server.address() as AddressInfo;
  let isOn = on;
  const endpoint: Endpoint = {
    url: `http://127.0.0.1:${String(port)}/`,
    connections: () => connectedAt.length,
    connectedAt,
    taken,
    get on() {
      return isOn;
    },
    set on(next) {
      isOn = next;
      if (!next) for (const socket of sockets) socket.resetAndDestroy();
    },
  };
  return endpoint;
}

/** The URL of a port on which nothing listens (any more). */
export async function deadUrl(): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return `http://127.0.0.1:${String(port)}/`;
}
