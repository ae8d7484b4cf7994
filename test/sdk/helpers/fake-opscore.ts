import type { ServerResponse } from 'node:http';
import { aSecret } from '../../helpers/secrets.ts';
import { sendJson, startServer, type Received, type TestServer } from './http-server.ts';

export const OPSCORE_KEY = aSecret('OPSCORE_API_KEY');

export interface StateBody {
  readonly agentId: string;
  readonly timestamp: string;
  readonly state: string;
  readonly details: Record<string, unknown>;
}

export interface FakeOpscore extends TestServer {
  /** Bodies of the reports that were answered with 202, in their order. */
  readonly accepted: StateBody[];
  states(): string[];
}

/** Ops-Core's state endpoint. `script` may answer the n-th request (from 1) itself; it returns whether it did. */
export async function startFakeOpscore(
  script: (n: number, request: Received, response: ServerResponse) => boolean = () => false,
): Promise<FakeOpscore> {
  const accepted: StateBody[] = [];
  let count = 0;
  const server = await startServer((request, response) => {
    count += 1;
    if (script(count, request, response)) return;
    const path = /^\/v1\/opscore\/agent\/([^/]+)\/state$/.exec(request.path);
    if (request.method !== 'POST' || path === null) {
      sendJson(response, 405, { detail: `no such route: ${request.path}` });
    } else if (request.headers.authorization !== `Bearer ${OPSCORE_KEY}`) {
      sendJson(response, 401, { detail: `not a key: ${request.headers.authorization ?? ''}` });
    } else {
      const body = JSON.parse(request.body) as StateBody;
      if (body.agentId !== path[1]) return sendJson(response, 400, { detail: 'ids differ' });
      accepted.push(body);
      sendJson(response, 202, { status: 'accepted' });
    }
  });
  return { ...server, accepted, states: () => accepted.map((body) => body.state) };
}
