import { createHmac } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { onTestFinished } from 'vitest';

/** One dispatch as the agent saw it. Times are of `performance.now()`. */
export interface Dispatch {
  readonly taskId: string;
  /** `X-AgentKit-Attempt`. */
  readonly attempt: number;
  /** Which arrival of this task it is, from 1. */
  readonly nth: number;
  readonly headers: IncomingHttpHeaders;
  readonly bytes: Buffer;
  readonly receivedAt: number;
  /** When the agent answered, and with which status; undefined while it has not. */
  answeredAt: number | undefined;
  status: number | undefined;
  /** The connection ended before the answer was complete. */
  cutOff: boolean;
}

/** How the agent answers a dispatch. */
export type Behaviour = (response: ServerResponse, dispatch: Dispatch) => void;

export function status(
  code: number,
  { headers = {}, body = '' }: { headers?: Record<string, string>; body?: string | Buffer } = {},
): Behaviour {
  return (response, dispatch) => {
    dispatch.answeredAt = performance.now();
    dispatch.status = code;
    response.writeHead(code, headers).end(body);
  };
}

/** Answers with the behaviours one after the other, counted per task; the last one stays. */
export function inTurn(...behaviours: readonly Behaviour[]): Behaviour {
  return (response, dispatch) => {
    behaviours[Math.min(dispatch.nth, behaviours.length) - 1]?.(response, dispatch);
  };
}

export const hang: Behaviour = () => undefined;

export const reset: Behaviour = (response) => void response.socket?.resetAndDestroy();

/** Answers when `gate` opens. */
export function once(gate: Promise<unknown>, then: Behaviour = status(200)): Behaviour {
  return (response, dispatch) => void gate.then(() => then(response, dispatch));
}

/** Headers at once, then a byte now and again, without end. */
export function drip(code: number, everyMs = 20): Behaviour {
  return (response) => {
    response.writeHead(code);
    const timer = setInterval(() => response.write('.'), everyMs);
    response.once('close', () => clearInterval(timer));
  };
}

/** The status line dribbles in byte by byte and never ends. */
export const dripHeaders: Behaviour = (response) => {
  const { socket } = response;
  if (socket === null) return;
  socket.write('HTTP/1.1 200 OK\r\nx-slow: ');
  const timer = setInterval(() => socket.write('s'), 20);
  socket.once('close', () => clearInterval(timer));
};

/** Sends as fast as the other side reads, without end. */
export function endless(code: number): Behaviour {
  return (response) => {
    response.writeHead(code);
    const chunk = 'endless '.repeat(2_048);
    const more = () => {
      while (!response.destroyed && response.write(chunk));
    };
    response.on('drain', more);
    more();
  };
}

export interface AgentServer {
  /** The contactEndpoint. */
  readonly url: string;
  /** All dispatches in the order of their arrival. */
  readonly dispatches: readonly Dispatch[];
  /** TCP connections ever made to it, and those open now. */
  readonly connections: () => number;
  readonly openConnections: () => number;
  /** Once set, what does not verify under it is answered with 401 and counted here instead of in `dispatches`. */
  signingSecret: string | undefined;
  readonly refused: () => number;
  behave: Behaviour;
  of(taskId: string): Dispatch[];
  down(): Promise<void>;
  up(): Promise<void>;
}

/** An agent: a real HTTP server on a free loopback port, ended with the test that started it. */
export async function startAgentServer(behave: Behaviour = status(200)): Promise<AgentServer> {
  const dispatches: Dispatch[] = [];
  const counts = new Map<string, number>();
  const sockets = new Set<Socket>();
  let connections = 0;
  let refused = 0;

  const server = createServer((request, response) => {
    const receivedAt = performance.now();
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    // A dispatch that is cut off halfway never counts as received.
    request.on('end', () => {
      const bytes = Buffer.concat(chunks);
      const { headers } = request;
      if (agent.signingSecret !== undefined && !verifies(agent.signingSecret, headers, bytes)) {
        refused += 1;
        response.writeHead(401).end();
        return;
      }
      const taskId = String(headers['x-agentkit-task-id']);
      const nth = (counts.get(taskId) ?? 0) + 1;
      counts.set(taskId, nth);
      const dispatch: Dispatch = {
        taskId,
        attempt: Number(headers['x-agentkit-attempt']),
        nth,
        headers,
        bytes,
        receivedAt,
        answeredAt: undefined,
        status: undefined,
        cutOff: false,
      };
      dispatches.push(dispatch);
      response.once('close', () => (dispatch.cutOff = !response.writableFinished));
      agent.behave(response, dispatch);
    });
  });
  server.on('connection', (socket) => {
    connections += 1;
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });

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

  const agent: AgentServer = {
    url: `http://127.0.0.1:${String(port)}/tasks`,
    dispatches,
    connections: () => connections,
    openConnections: () => sockets.size,
    signingSecret: undefined,
    refused: () => refused,
    behave,
    of: (taskId) => dispatches.filter((dispatch) => dispatch.taskId === taskId),
    down,
    up: () => listen(port),
  };
  return agent;
}

/** Both signatures of contract section 3 under the agent's own secret, recomputed from the bytes that came. */
function verifies(secret: string, headers: IncomingHttpHeaders, bytes: Buffer): boolean {
  const header = (name: string) => String(headers[name]);
  const sign = (key: Buffer, prefix: string) =>
    createHmac('sha256', key).update(Buffer.concat([Buffer.from(prefix), bytes]));
  const hex = sign(Buffer.from(secret), `${header('x-agentkit-timestamp')}.`).digest('hex');
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  const prefix = `${header('webhook-id')}.${header('webhook-timestamp')}.`;
  const standard = `v1,${sign(key, prefix).digest('base64')}`;
  return hex === header('x-agentkit-signature') && standard === header('webhook-signature');
}
