import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import { loadConfig } from '../../src/config/config.ts';
import { AgentKitClient } from '../../src/sdk/index.ts';
import { createService } from '../../src/service.ts';
import type { Store } from '../../src/store/store.ts';
import { eventually } from '../helpers/eventually.ts';
import { serviceEnvironment } from '../helpers/environment.ts';
import { testLog } from '../helpers/log.ts';
import { emptyDatabase } from '../helpers/postgres.ts';

export interface Replica {
  readonly client: AgentKitClient;
  readonly store: Store;
  close(): Promise<void>;
}

/** Services on one database, which know of each other. */
export async function startReplicas(
  count: number,
  env: Readonly<Record<string, string>> = {},
): Promise<Replica[]> {
  return startReplicasOn(await emptyDatabase(), count, env);
}

export async function startReplicasOn(
  url: string,
  count: number,
  env: Readonly<Record<string, string>> = {},
): Promise<Replica[]> {
  const replicas: Replica[] = [];
  for (let i = 0; i < count; i += 1) replicas.push(await startReplica(url, env));
  await eventually(
    () => replicas.every(({ store }) => store.replica.count() === count),
    'the replicas know of each other',
  );
  return replicas;
}

export async function startReplica(
  url: string,
  env: Readonly<Record<string, string>> = {},
): Promise<Replica> {
  const config = loadConfig(
    serviceEnvironment({
      PORT: '0',
      DATABASE_URL: url,
      RATE_LIMIT: '1000000',
      SHUTDOWN_GRACE: '5s',
      ...env,
    }),
  );
  const service = await createService(config, testLog());
  await service.listen();
  let closed: Promise<void> | undefined;
  const close = () => (closed ??= service.close());
  onTestFinished(close);
  const client = new AgentKitClient({ baseUrl: service.url() });
  return { client, store: service.store, close };
}

export interface Receiver {
  readonly url: string;
  /** What it was sent, in the order of its arrival. */
  readonly received: { readonly taskId: string; readonly body: string; readonly at: number }[];
  readonly inFlight: () => number;
  readonly mostInFlight: () => number;
}

/** An HTTP server that answers by `answer`, 202 at once unless told otherwise. */
export async function startReceiver(
  answer: (response: ServerResponse, body: string) => void = (response) => {
    response.writeHead(202).end();
  },
): Promise<Receiver> {
  const received: Receiver['received'] = [];
  let inFlight = 0;
  let mostInFlight = 0;
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString();
      const taskId = String(request.headers['x-agentkit-task-id']);
      received.push({ taskId, body, at: performance.now() });
      inFlight += 1;
      mostInFlight = Math.max(mostInFlight, inFlight);
      response.on('close', () => (inFlight -= 1));
      answer(response, body);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${String(port)}/`,
    received,
    inFlight: () => inFlight,
    mostInFlight: () => mostInFlight,
  };
}
