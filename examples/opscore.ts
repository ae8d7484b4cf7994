// A small Ops-Core: it learns of agents by signed webhooks, takes their state reports, and gives them tasks.
//
//   OPSCORE_WEBHOOK_SECRET=... OPSCORE_API_KEY=... node examples/opscore.ts
//
//   OPSCORE_WEBHOOK_SECRET  what the service signs webhooks with; the service has it under the same name
//   OPSCORE_API_KEY         what agents and the service show when they report a state
//   AGENTKIT_URL            the service; default http://127.0.0.1:8000
//   AGENTKIT_API_KEY        a key of scope dispatch, where the service asks for one
//   HOST, PORT              default 127.0.0.1, 9100; 0: any free port
//
// It says at its start which OPSCORE_WEBHOOK_URL and OPSCORE_API_URL lead to it, and logs what happens in JSON lines.
// Tasks are given on its standard input: run worker summarize {"text": "One. Two."}
import type { AddressInfo } from 'node:net';
import { logLine } from './lib/log-line.ts';
import { readCommands } from './opscore/console.ts';
import { createJsonServer, type Answer, type Received } from './opscore/http.ts';
import type { Roster } from './opscore/roster.ts';
import { createStateEndpoint } from './opscore/state-endpoint.ts';
import { createTaskRunner } from './opscore/task-runner.ts';
import { createWebhookReceiver } from './opscore/webhook-receiver.ts';

const WEBHOOK_PATH = '/v1/opscore/webhooks/agents';
const STATE_PATH = /^\/v1\/opscore\/agent\/([^/]+)\/state$/;

const roster: Roster = new Map();
const receiveWebhook = createWebhookReceiver(roster, required('OPSCORE_WEBHOOK_SECRET'));
const receiveState = createStateEndpoint(roster, required('OPSCORE_API_KEY'));
const runner = createTaskRunner(roster, {
  url: process.env['AGENTKIT_URL'] ?? 'http://127.0.0.1:8000',
  apiKey: process.env['AGENTKIT_API_KEY'],
});

const server = createJsonServer((request: Received): Answer => {
  const agentId = STATE_PATH.exec(request.path)?.[1];
  if (request.path !== WEBHOOK_PATH && agentId === undefined) {
    return { status: 404, body: { detail: 'There is no such route.' } };
  }
  if (request.method !== 'POST') return { status: 405, body: { detail: 'Only POST.' } };
  return agentId === undefined ? receiveWebhook(request) : receiveState(agentId, request);
});

server.listen(Number(process.env['PORT'] ?? 9100), process.env['HOST'] ?? '127.0.0.1', () => {
  const { address, port, family } = server.address() as AddressInfo;
  const url = `http://${family === 'IPv6' ? `[${address}]` : address}:${String(port)}`;
  logLine('Ops-Core is ready', { url, webhookUrl: `${url}${WEBHOOK_PATH}`, apiUrl: url });
});
readCommands(runner);

for (const signal of ['SIGTERM', 'SIGINT']) {
  process.once(signal, () => {
    server.close(() => process.exit(0));
    server.closeAllConnections();
  });
}

function required(name: string): string {
  const value = process.env[name] ?? '';
  if (value !== '') return value;
  // An empty secret would verify whatever anybody signs with nothing.
  process.stderr.write(`Ops-Core: ${name} is not set\n`);
  process.exit(1);
}
