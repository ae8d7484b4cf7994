import { closeSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { request } from 'undici';
import { newSigningSecret } from '../../src/webhook/sign.ts';
import { startNode, type Child } from '../children.ts';
import { now } from '../clock.ts';
import type { Contender, Counts, Place, Running } from './contender.ts';

/** What the bench asks of a store by itself, past the service. */
export interface StoreReader {
  counts(): Promise<Counts>;
  close(): Promise<void>;
}

const ROOT = join(import.meta.dirname, '../..');

/** The options of Node that `npm start` has, and its program; by their full paths, since the data go somewhere else. */
const NPM_START = npmStart();

function npmStart(): { readonly options: readonly string[]; readonly program: string } {
  const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
    scripts: { start: string };
  };
  const [, ...options] = scripts.start
    .split(' ')
    .map((word) => (/^\.\/|\.ts$/.test(word) ? join(ROOT, word) : word));
  return { program: options.pop() ?? '', options };
}

interface ServiceProcess {
  readonly child: Child;
  readonly url: string;
  readonly readyAfterMs: number;
}

/** Starts what `npm start` starts, with default settings but for the port and the database, and waits until it is ready. */
async function startService(
  dir: string,
  env: Readonly<Record<string, string>>,
  nodeOptions: readonly string[] = [],
): Promise<ServiceProcess> {
  const log = join(dir, 'service.log');
  const startedAt = now();
  const child = startNode(NPM_START.program, [], {
    cwd: dir,
    log,
    env: { PORT: '0', ...env },
    nodeOptions: [...NPM_START.options, ...nodeOptions],
  });
  for (;;) {
    const ready = /"url":"([^"]+)".*"msg":"the service is ready"/.exec(startOf(log));
    if (ready?.[1] !== undefined) {
      return { child, url: ready[1], readyAfterMs: now() - startedAt };
    }
    if (child.exited()) throw new Error(`the service did not start: ${startOf(log)}`);
    await sleep(1);
  }
}

/** The log of a benchmark may be hundreds of MB. */
function startOf(path: string): string {
  const file = openSync(path, 'r');
  try {
    const bytes = Buffer.alloc(Math.min(65_536, fstatSync(file).size));
    return bytes.toString('utf8', 0, readSync(file, bytes));
  } finally {
    closeSync(file);
  }
}

async function call<T>(url: string, method: 'GET' | 'POST' | 'PUT', body?: object): Promise<T> {
  const answer = await request(url, {
    method,
    ...(body === undefined
      ? {}
      : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
  });
  const json = (await answer.body.json()) as { readonly data: T };
  if (answer.statusCode >= 300) throw new Error(`${url}: ${String(answer.statusCode)}`);
  return json.data;
}

interface Registered {
  readonly agentId: string;
  readonly signingSecret: string;
  readonly status: string;
}

const registration = (index: number, contactEndpoint: string) => ({
  agentName: `agent-${String(index)}`,
  version: '1.0.0',
  contactEndpoint,
  capabilities: ['summarize'],
  metadata: { team: 'docs' },
});

/**
 * Registers the agents. `away`: by a lease that they let pass; then their tasks are stored and wait, and the service
 * does nothing else.
 */
async function registerAgents(url: string, { agents, agentsAre }: Place): Promise<Registered[]> {
  const away = agentsAre === 'away';
  const registered: Registered[] = [];
  for (const [index, endpoint] of agents.entries()) {
    const body = { ...registration(index, endpoint.url), ...(away ? { leaseSeconds: 1 } : {}) };
    registered.push(await call<Registered>(`${url}/v1/agents/register`, 'POST', body));
  }
  if (!away) return registered;
  for (const { agentId } of registered) {
    const path = `${url}/v1/agents/${agentId}`;
    while ((await call<Registered>(path, 'GET')).status !== 'offline') await sleep(20);
  }
  return registered;
}

export interface ServiceContender {
  readonly name: string;
  readonly title: string;
  readonly durability: string;
  /** A new database: empty, or with the seed in it. */
  database(place: Place): Promise<{
    readonly url: string;
    readonly serverPids: readonly number[];
    /** Once the service is up. */
    read(): Promise<StoreReader>;
    remove(): Promise<void>;
  }>;
}

export function serviceContender(on: ServiceContender): Contender {
  async function start(place: Place): Promise<Running> {
    const database = await on.database(place);
    const webhookSecret = newSigningSecret();
    const env = {
      DATABASE_URL: database.url,
      ...(place.webhookUrl === undefined
        ? {}
        : { OPSCORE_WEBHOOK_URL: place.webhookUrl, OPSCORE_WEBHOOK_SECRET: webhookSecret }),
    };
    const { child, url, readyAfterMs } = await startService(place.dir, env, place.nodeOptions);
    const agents = await registerAgents(url, place);
    const reader = await database.read();
    return {
      url,
      runPaths: agents.map(({ agentId }) => `/v1/agents/${agentId}/run`),
      secrets: [webhookSecret, ...agents.map(({ signingSecret }) => signingSecret)],
      pids: [child.pid],
      serverPids: database.serverPids,
      readyAfterMs,
      counts: () => reader.counts(),
      // Registered again, without a lease.
      release: async () => {
        for (const [index, endpoint] of place.agents.entries()) {
          await call(`${url}/v1/agents/register`, 'PUT', registration(index, endpoint.url));
        }
      },
      stop: async () => {
        await reader.close();
        await child.end();
        await database.remove();
      },
    };
  }
  const { name, title, durability } = on;
  return { name, title, durability, delivers: true, start };
}
