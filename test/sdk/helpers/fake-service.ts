import type { ServerResponse } from 'node:http';
import { aSecret, aSigningSecret } from '../../helpers/secrets.ts';
import { sendJson, startServer, type Received, type TestServer } from './http-server.ts';

export const AGENT_ID = '01890000-0000-7000-8000-000000000001';
export const SIGNING_SECRET = aSigningSecret();
/** With which an agent is registered, and what it proves itself with from then on. */
export const REGISTER_KEY = aSecret('AGENTKIT_API_KEY');
export const AGENT_TOKEN = aSecret('agentToken');

export interface FakeService extends TestServer {
  registrations(): Record<string, unknown>[];
  deregistrations(): Received[];
}

type Answer = (request: Received, response: ServerResponse) => void;

/**
 * As much of the service as `createAgent` talks to. `register` stands in for its answer to the n-th PUT (from 1),
 * `own` for that to a request on the agent itself or its tasks.
 */
export async function startFakeService(
  options: {
    register?: (n: number, request: Received, response: ServerResponse) => void;
    own?: Answer;
  } = {},
): Promise<FakeService> {
  let puts = 0;
  const answer: Answer = (request, response) => {
    if (request.method === 'PUT' && request.path === '/v1/agents/register') {
      puts += 1;
      if (options.register === undefined) registered(response);
      else options.register(puts, request, response);
    } else if (request.method === 'DELETE' && request.path === `/v1/agents/${AGENT_ID}`) {
      sendJson(response, 200, { status: 'success', message: 'Gone', data: { agentId: AGENT_ID } });
    } else if (options.own !== undefined) {
      options.own(request, response);
    } else {
      refuse(response, 404, 'not_found');
    }
  };
  const server = await startServer(answer);
  return {
    ...server,
    registrations: () =>
      server.received
        .filter((request) => request.method === 'PUT')
        .map((request) => JSON.parse(request.body) as Record<string, unknown>),
    deregistrations: () => server.received.filter((request) => request.method === 'DELETE'),
  };
}

export function registered(response: ServerResponse, extra: Record<string, unknown> = {}): void {
  succeed(response, { agentId: AGENT_ID, signingSecret: SIGNING_SECRET, ...extra }, 201);
}

export function succeed(response: ServerResponse, data: unknown, status = 200): void {
  sendJson(response, status, { status: 'success', message: 'Done', data });
}

export function refuse(
  response: ServerResponse,
  status: number,
  errorCode: string,
  headers: Record<string, string> = {},
): void {
  const message = `No: ${errorCode}`;
  const body = { status: 'error', message, detail: message, error_code: errorCode };
  sendJson(response, status, body, headers);
}
