import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { startWorld, type World } from './world.ts';

interface Ping {
  readonly outcome: string;
  readonly ok: boolean;
  readonly explanation: string;
  readonly statusCode: number | null;
  readonly errorClass: string | null;
  readonly durationMs: number;
  readonly phases: { readonly connectMs: number | null; readonly waitMs: number | null };
  readonly responseExcerpt: string | null;
  readonly requestHeaders: Readonly<Record<string, string>>;
  readonly clockSkewSeconds: number | null;
}

async function ping(world: World): Promise<Ping> {
  const answer = await world.request<{ data: Ping; message: string }>('POST', '/v1/webhook/ping');
  expect(answer.status).toBe(200);
  expect(answer.body.message).toBe(answer.body.data.explanation);
  return answer.body.data;
}

it('a ping is signed like a webhook and is none: a strict Ops-Core takes the signature and refuses the body', async () => {
  const world = await startWorld();
  const { opscore } = world;
  const answer = await ping(world);
  expect(answer).toMatchObject({
    outcome: 'refused',
    ok: true,
    statusCode: 422,
    errorClass: 'http_status',
    responseExcerpt: '{}',
  });
  expect(answer.durationMs).toBeGreaterThanOrEqual(0);
  expect(answer.phases.connectMs).not.toBeNull();
  expect(Math.abs(answer.clockSkewSeconds ?? 99)).toBeLessThanOrEqual(1);
  const [arrival] = opscore.arrivals;
  if (arrival === undefined) throw new Error('nothing arrived');
  expect(opscore.verify(arrival)).toEqual({ own: true, stock: true });
  const body = JSON.parse(arrival.bytes.toString()) as Record<string, unknown>;
  expect(Object.keys(body)).toEqual(['ping', 'sentAt', 'message']);
  // What is shown is what was sent, but for the secrets.
  for (const [name, value] of Object.entries(answer.requestHeaders)) {
    if (value === '[redacted]') expect(arrival.headers[name]).toBeTruthy();
    else expect(arrival.headers[name]).toBe(value);
  }
  expect(JSON.stringify(answer)).not.toContain(arrival.headers['x-agentkit-signature']);
  // It is no delivery.
  expect(await world.request('GET', '/v1/deliveries')).toMatchObject({ body: { data: [] } });
});

it.each([
  [202, 'accepted', true],
  [400, 'refused', true],
  [401, 'unauthorized', false],
  [403, 'unauthorized', false],
  [302, 'wrong_url', false],
  [404, 'wrong_url', false],
  [429, 'failing', false],
  [503, 'failing', false],
])('an answer of %d is %s', async (status, outcome, ok) => {
  const world = await startWorld();
  world.opscore.fail = () => status;
  expect(await ping(world)).toMatchObject({ outcome, ok, statusCode: status });
});

it('tells that nobody is there, and how', async () => {
  const world = await startWorld();
  await world.opscore.down();
  const refused = await ping(world);
  expect(refused).toMatchObject({
    outcome: 'unreachable',
    ok: false,
    statusCode: null,
    errorClass: 'connection_refused',
    phases: { connectMs: null, waitMs: null },
    clockSkewSeconds: null,
  });
});

it('tells that somebody is there and does not answer, and that his clock is another', async () => {
  const server = createServer((request, response) => {
    if (request.url === '/late') return;
    const tenMinutesAhead = new Date(Date.now() + 600_000).toUTCString();
    response.writeHead(401, { date: tenMinutesAhead }).end('stale');
  }).listen(0, '127.0.0.1');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  await new Promise((resolve) => server.once('listening', resolve));
  const url = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
  const world = await startWorld({ OPSCORE_WEBHOOK_URL: `${url}/late`, WEBHOOK_TIMEOUT: '200ms' });
  const silent = await ping(world);
  expect(silent).toMatchObject({
    outcome: 'unreachable',
    errorClass: 'timeout',
    phases: { waitMs: null },
  });
  expect(silent.phases.connectMs).not.toBeNull();
  await world.kill();
  await world.restart({ OPSCORE_WEBHOOK_URL: url, WEBHOOK_TIMEOUT: '10s' });
  const { outcome, clockSkewSeconds } = await ping(world);
  expect(outcome).toBe('unauthorized');
  expect(clockSkewSeconds).toBeGreaterThanOrEqual(598);
  expect(clockSkewSeconds).toBeLessThanOrEqual(601);
});
