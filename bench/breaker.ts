// What an agent that refuses connections, with 10,000 tasks waiting, costs the others: node bench/breaker.ts
//
// Two services as processes of their own, one with such an agent and one without, asked in turns: the time from
// sending a task to its arrival at a healthy agent. The issue wants the p95 within 10 % of that without.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { AgentKitClient } from '../src/sdk/index.ts';

const ROUNDS = 20;
const PER_ROUND = 200;
const WAITING = 10_000;

/** When tasks arrived, and who waits for one. */
const seen = new Map<string, number>();
const waiting = new Map<string, (at: number) => void>();

const healthy = createServer((request, response) => {
  request.resume().on('end', () => {
    const taskId = String(request.headers['x-agentkit-task-id']);
    const at = performance.now();
    seen.set(taskId, at);
    waiting.get(taskId)?.(at);
    response.writeHead(202).end();
  });
});
healthy.listen(0, '127.0.0.1');
await once(healthy, 'listening');
const healthyUrl = `http://127.0.0.1:${String((healthy.address() as AddressInfo).port)}/`;

async function start() {
  const dir = await mkdtemp(join(tmpdir(), 'agentkit-bench-'));
  const child = spawn(process.execPath, [join(import.meta.dirname, '../src/server.ts')], {
    cwd: dir,
    env: {
      PATH: process.env['PATH'] ?? '',
      PORT: '0',
      RATE_LIMIT: '1000000',
      PROBE_INTERVAL: '1s',
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout });
  const url = await new Promise<string>((resolve) => {
    lines.on('line', (line) => {
      const { msg, url } = JSON.parse(line) as { msg: string; url?: string };
      if (msg === 'the service is ready' && url !== undefined) resolve(url);
    });
  });
  const client = new AgentKitClient({ baseUrl: url });
  const agent = { agentName: 'healthy', version: '1', contactEndpoint: healthyUrl };
  return { dir, child, client, agentId: (await client.registerAgent(agent)).agentId };
}

async function addBroken(client: AgentKitClient): Promise<void> {
  const agent = { agentName: 'broken', version: '1', contactEndpoint: 'http://127.0.0.1:9/' };
  const { agentId } = await client.registerAgent(agent);
  for (let sent = 0; sent < WAITING; sent += 100) {
    const batch = Array.from({ length: 100 }, () => client.runTask(agentId, { task_name: 'x' }));
    await Promise.all(batch);
  }
  const { status } = await client.getAgent(agentId);
  console.log(`${WAITING.toLocaleString('en')} tasks wait for an agent that is ${status}`);
}

/** From sending to arrival; a task may arrive before its 202. */
async function latency(client: AgentKitClient, agentId: string): Promise<number> {
  const startedAt = performance.now();
  const { taskId } = await client.runTask(agentId, { task_name: 'x' });
  const answered = performance.now() - startedAt;
  const at =
    seen.get(taskId) ?? (await new Promise<number>((resolve) => waiting.set(taskId, resolve)));
  seen.delete(taskId);
  waiting.delete(taskId);
  return Math.max(answered, at - startedAt);
}

const [without, with_] = [await start(), await start()];
try {
  await addBroken(with_.client);
  const times: [number[], number[]] = [[], []];
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [at, { client, agentId }] of [without, with_].entries()) {
      for (let n = 0; n < PER_ROUND; n += 1) times[at]?.push(await latency(client, agentId));
    }
  }
  const at = (values: number[], share: number): number =>
    values.sort((a, b) => a - b)[Math.floor(values.length * share)] ?? Number.NaN;
  console.log('\n| ms | without | with | ratio |\n| --- | ---: | ---: | ---: |');
  for (const [name, share] of [
    ['median', 0.5],
    ['p95', 0.95],
    ['p99', 0.99],
  ] as const) {
    const [a, b] = [at(times[0], share), at(times[1], share)];
    console.log(`| ${name} | ${a.toFixed(2)} | ${b.toFixed(2)} | ${(b / a).toFixed(2)} |`);
  }
} finally {
  healthy.closeAllConnections();
  healthy.close();
  for (const { child, dir } of [without, with_]) {
    const exited = once(child, 'exit');
    child.kill('SIGTERM');
    await exited;
    await rm(dir, { recursive: true, force: true });
  }
}
