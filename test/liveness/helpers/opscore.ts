import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import { aSecret } from '../../helpers/secrets.ts';

/** What Ops-Core heard, in one order. */
export interface Heard {
  /** `REGISTER`, `DEREGISTER`, or the state that was reported. */
  readonly what: string;
  readonly agentId: string;
  readonly agentName: string | undefined;
  readonly details: Readonly<Record<string, unknown>>;
  /** Of `performance.now()`. */
  readonly at: number;
}

export interface Opscore {
  /** What agents and the service must be told. */
  readonly env: Readonly<Record<string, string>>;
  readonly heard: readonly Heard[];
  /** What was heard of agents, in order: of one, or of all. */
  story(agentId?: string): string[];
  count(what: string, agentId?: string): number;
}

/** An Ops-Core that takes everything from those it knows: webhooks make it know an agent, and forget it. */
export async function startOpscore(): Promise<Opscore> {
  const heard: Heard[] = [];
  const known = new Set<string>();
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = JSON.parse(Buffer.concat(chunks).toString()) as Record<string, unknown>;
      response.writeHead(take(request.url ?? '', body)).end('{}');
    });
  });

  function take(url: string, body: Record<string, unknown>): number {
    const at = performance.now();
    if (url === '/webhook') {
      const details = body['agent_details'] as Record<string, unknown>;
      const agentId = String(details['agentId']);
      const what = String(body['event_type']);
      if (what === 'REGISTER') known.add(agentId);
      else known.delete(agentId);
      heard.push({ what, agentId, agentName: String(details['agentName']), details, at });
      return 202;
    }
    const agentId = String(body['agentId']);
    if (!known.has(agentId)) return 404;
    const details = body['details'] as Record<string, unknown>;
    heard.push({ what: String(body['state']), agentId, agentName: undefined, details, at });
    return 202;
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  onTestFinished(
    () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  );
  const url = `http://127.0.0.1:${String(port)}`;
  const of = (agentId: string | undefined) =>
    heard.filter((one) => agentId === undefined || one.agentId === agentId);
  return {
    env: {
      OPSCORE_WEBHOOK_URL: `${url}/webhook`,
      OPSCORE_WEBHOOK_SECRET: aSecret('OPSCORE_WEBHOOK_SECRET'),
      OPSCORE_API_URL: url,
      OPSCORE_API_KEY: aSecret('OPSCORE_API_KEY'),
    },
    heard,
    story: (agentId) => of(agentId).map(({ what }) => what),
    count: (what, agentId) => of(agentId).filter((one) => one.what === what).length,
  };
}
