import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { Worker } from 'node:worker_threads';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { createHttpAgent, createSender } from '../../src/dispatcher/send.ts';
import type { SendRequest } from '../../src/outbox/sending.ts';
import { freePort } from '../helpers/free-port.ts';
import { httpReceiver } from '../helpers/http-receiver.ts';
import { manualClock } from '../helpers/manual-clock.ts';

function setup() {
  const http = createHttpAgent();
  onTestFinished(() => http.destroy());
  const clock = manualClock();
  const sender = createSender(http, clock);
  const post = (url: string, changes: Partial<SendRequest> = {}) =>
    sender.send({
      url,
      headers: { 'content-type': 'application/json' },
      body: Buffer.from('{}'),
      timeoutMs: 10_000,
      ...changes,
    });
  return { sender, post, clock };
}

/** A server that goes on while this thread does nothing; it says when it got a request, and answers a little later. */
const SERVER_OF_ITS_OWN = `
  const { parentPort } = require('node:worker_threads');
  const server = require('node:http').createServer((_request, response) => {
    parentPort.postMessage('asked');
    setTimeout(() => response.end('ok'), 50);
  });
  server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port));
`;

async function serverOfItsOwn() {
  const thread = new Worker(SERVER_OF_ITS_OWN, { eval: true });
  onTestFinished(async () => void (await thread.terminate()));
  const [port] = (await once(thread, 'message')) as [number];
  let asked = 0;
  thread.on('message', () => (asked += 1));
  return { thread, url: `http://127.0.0.1:${port}/`, asked: () => asked };
}

/** As SIGSTOP and SIGCONT: nothing happens in this thread meanwhile. */
function stopFor(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

describe('a process that is stopped past the deadline of an attempt', () => {
  it('takes what was answered in time', async () => {
    const { post } = setup();
    const { thread, url } = await serverOfItsOwn();
    const attempt = post(url, { timeoutMs: 200 });
    await once(thread, 'message');
    stopFor(500);
    expect(await attempt).toMatchObject({ statusCode: 200, errorClass: null });
  });

  it('does not send afterwards what had not left: others may have taken it over', async () => {
    const { post } = setup();
    const { url, asked } = await serverOfItsOwn();
    const attempt = post(url, { timeoutMs: 200 });
    stopFor(500);
    expect(await attempt).toMatchObject({ statusCode: null, errorClass: 'timeout' });
    // What had been sent would have come before this.
    await post(url);
    expect(asked()).toBe(1);
  });

  // In which order the system tells is not ours to say: now and then it is the other one, and the request leaves in time.
  it(
    'nor when its connection was there, and the system told so together with what else had happened',
    { retry: 3 },
    async () => {
      const { post } = setup();
      const { url, asked } = await serverOfItsOwn();
      const [near, far] = await connected();
      // Told of before the connection, in the same turn of the event loop, between two looks at the timers.
      far.once('data', () => stopFor(500));
      near.write('x');
      const attempt = post(url, { timeoutMs: 200 });
      setImmediate(() => stopFor(50));
      expect(await attempt).toMatchObject({ statusCode: null, errorClass: 'timeout' });
      await post(url);
      expect(asked()).toBe(1);
    },
  );
});

/** Both ends of a connection. */
async function connected(): Promise<[Socket, Socket]> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const near = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [far] = (await once(server, 'connection')) as [Socket];
  onTestFinished(() => {
    near.destroy();
    server.close();
  });
  return [near, far];
}

describe('an attempt that is answered', () => {
  it('is a POST of the exact bytes with the exact headers', async () => {
    const { post, clock } = setup();
    const { url, received } = await httpReceiver((response) => response.end('ok'));
    const body = Buffer.from([0x7b, 0x22, 0xc3, 0xbc, 0x00, 0xff, 0x7d]);
    const result = await post(`${url}/tasks?x=1`, {
      body,
      headers: { 'content-type': 'application/json', 'x-agentkit-task-id': 'a' },
    });
    expect(result).toMatchObject({
      startedAt: clock.wall(),
      statusCode: 200,
      errorClass: null,
      retryAfterMs: undefined,
      responseExcerpt: 'ok',
    });
    expect(Number.isInteger(result.durationMs)).toBe(true);
    expect(received).toHaveLength(1);
    expect(received[0]).toMatchObject({
      method: 'POST',
      url: '/tasks?x=1',
      headers: {
        'content-type': 'application/json',
        'x-agentkit-task-id': 'a',
        'content-length': String(body.length),
      },
    });
    expect(received[0]?.body.equals(body)).toBe(true);
  });

  it.each([200, 202, 204, 400, 404, 410, 429, 500, 503])('%d is told as it is', async (status) => {
    const { post } = setup();
    const { url } = await httpReceiver((response) => response.writeHead(status).end());
    expect(await post(url)).toMatchObject({
      statusCode: status,
      errorClass: null,
      responseExcerpt: '',
    });
  });

  it.each([301, 302, 303, 307, 308])('%d is an answer and is not followed', async (status) => {
    const { post } = setup();
    const { url, received } = await httpReceiver((response) =>
      response.writeHead(status, { location: '/elsewhere' }).end(),
    );
    expect((await post(url)).statusCode).toBe(status);
    expect(received.map((request) => request.url)).toEqual(['/']);
  });

  it('brings its Retry-After, as seconds or as a date', async () => {
    const { post, clock } = setup();
    const answers = ['2', new Date(clock.wall() + 30_000).toUTCString(), 'soon'];
    const { url } = await httpReceiver((response) =>
      response.writeHead(429, { 'retry-after': answers.shift() ?? '' }).end(),
    );
    expect((await post(url)).retryAfterMs).toBe(2_000);
    expect((await post(url)).retryAfterMs).toBe(30_000);
    expect((await post(url)).retryAfterMs).toBeUndefined();
  });

  it('is kept to its first 4 KiB', async () => {
    const { post } = setup();
    const { url } = await httpReceiver((response) => {
      response.write('a'.repeat(4_000));
      response.end('b'.repeat(4_000));
    });
    const { responseExcerpt } = await post(url);
    expect(responseExcerpt).toBe('a'.repeat(4_000) + 'b'.repeat(96));
  });

  it('is text, whatever bytes it holds: a NUL or half a character breaks no store', async () => {
    const { post } = setup();
    const { url } = await httpReceiver((response) =>
      response.end(Buffer.from([0x61, 0x00, 0xff, 0xf0, 0x9f])),
    );
    const { responseExcerpt } = await post(url);
    expect(responseExcerpt).toMatch(/^a\uFFFD+$/);
  });

  it('leaves its connection to the next, drained', async () => {
    const { post } = setup();
    const { url, connections } = await httpReceiver((response) => response.end('x'.repeat(50_000)));
    for (let i = 0; i < 20; i += 1) await post(url);
    // The pool opens a second one while the first is still being tidied up.
    expect(connections()).toBeLessThanOrEqual(2);
  });

  it('is not read without end', async () => {
    const { post } = setup();
    let closed = false;
    const { url } = await httpReceiver((response) => {
      response.on('close', () => {
        closed = true;
      });
      const more = () => {
        while (!closed && response.write('x'.repeat(65_536)));
      };
      response.on('drain', more);
      more();
    });
    // The deadline is not what ends it.
    const result = await post(url, { timeoutMs: 600_000 });
    expect(result).toMatchObject({ statusCode: 200, responseExcerpt: 'x'.repeat(4_096) });
    await vi.waitFor(() => expect(closed).toBe(true));
  });

  it('counts by its status although the rest breaks off', async () => {
    const { post } = setup();
    const { url } = await httpReceiver((response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('taken', () => response.destroy());
    });
    expect(await post(url)).toMatchObject({ statusCode: 200, responseExcerpt: 'taken' });
  });

  it('counts by its status although the rest drips past the deadline', async () => {
    const { post } = setup();
    const { url } = await httpReceiver((response) => {
      response.writeHead(503);
      response.write('slow');
    });
    expect(await post(url, { timeoutMs: 100 })).toMatchObject({
      statusCode: 503,
      errorClass: null,
      responseExcerpt: 'slow',
    });
  });
});

describe('an attempt without an answer', () => {
  const nothing = { statusCode: null, responseExcerpt: null, retryAfterMs: undefined };

  it('is refused where nobody listens', async () => {
    const { post } = setup();
    expect(await post(`http://127.0.0.1:${await freePort()}/`)).toMatchObject({
      ...nothing,
      errorClass: 'connection_refused',
    });
  });

  it('is reset when the agent hangs up', async () => {
    const { post } = setup();
    const { url } = await httpReceiver((response) => response.destroy());
    expect(await post(url)).toMatchObject({ ...nothing, errorClass: 'connection_reset' });
  });

  it('times out when the agent hangs', async () => {
    const { post } = setup();
    const { url, received } = await httpReceiver(() => undefined);
    expect(await post(url, { timeoutMs: 100 })).toMatchObject({
      ...nothing,
      errorClass: 'timeout',
    });
    expect(received).toHaveLength(1);
  });

  it('times out while it waits for a connection, too', async () => {
    let connecting = 0;
    const http = createHttpAgent(() => {
      connecting += 1;
    });
    const result = await createSender(http, manualClock()).send({
      url: 'http://agent.test/',
      headers: {},
      body: Buffer.from('{}'),
      timeoutMs: 100,
    });
    expect(result).toMatchObject({ ...nothing, errorClass: 'timeout' });
    expect(connecting).toBe(1);
  });

  it('finds no host of an unknown name', async () => {
    const { post } = setup();
    // RFC 6761 section 6.4: .invalid never resolves.
    const result = await post('http://agent.invalid/');
    expect(result).toMatchObject({ ...nothing, errorClass: 'dns' });
  });

  it('fails as tls where the other side speaks none, or has a certificate that nobody vouches for', async () => {
    const { post } = setup();
    const { url } = await httpReceiver((response) => response.end());
    const result = await post(url.replace('http:', 'https:'));
    expect(result).toMatchObject({ ...nothing, errorClass: 'tls' });
  });

  it('fails as network where the answer is no HTTP', async () => {
    const { post } = setup();
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.on('data', () => socket.end('SSH-2.0-OpenSSH_9.9\r\n'));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => {
      server.close();
    });
    const { port } = server.address() as AddressInfo;
    expect(await post(`http://127.0.0.1:${port}/`)).toMatchObject({
      ...nothing,
      errorClass: 'network',
    });
  });

  it('is interrupted by a shutdown, all that are in flight', async () => {
    const { post, sender } = setup();
    const { url, received } = await httpReceiver(() => undefined);
    const attempts = [post(url), post(url)];
    await vi.waitFor(() => expect(received).toHaveLength(2));
    sender.interrupt();
    for (const result of await Promise.all(attempts)) {
      expect(result).toMatchObject({ ...nothing, errorClass: 'interrupted' });
    }
  });
});

describe('where the time of an attempt goes', () => {
  it('is told: a connection, the status, the end', async () => {
    const { post } = setup();
    const { url } = await httpReceiver((response) => {
      response.write('a', () => setTimeout(() => response.end('b'), 200));
    });
    const { connectedMs, answeredMs, durationMs } = await post(url);
    expect(connectedMs).not.toBeNull();
    expect(answeredMs).toBeGreaterThanOrEqual(connectedMs ?? Number.NaN);
    expect(durationMs).toBeGreaterThanOrEqual((answeredMs ?? Number.NaN) + 50);
  });

  it('ends before there is a connection where nobody listens', async () => {
    const { post } = setup();
    const result = await post(`http://127.0.0.1:${await freePort()}/`);
    expect(result).toMatchObject({
      errorClass: 'connection_refused',
      connectedMs: null,
      answeredMs: null,
    });
  });

  it('ends before an answer where somebody listens and says nothing', async () => {
    const { post } = setup();
    const { url } = await httpReceiver(() => undefined);
    const result = await post(url, { timeoutMs: 100 });
    expect(result).toMatchObject({ errorClass: 'timeout', answeredMs: null });
    expect(result.connectedMs).not.toBeNull();
  });

  it('is of each attempt alone, over one kept connection', async () => {
    const { post } = setup();
    const { url } = await httpReceiver((response) => response.end());
    await post(url);
    const again = await Promise.all([post(url), post(url), post(url)]);
    expect(again.every(({ connectedMs }) => connectedMs !== null)).toBe(true);
  });

  it('dates the attempt by its headers, and reads the clock of the receiver when asked', async () => {
    const { sender, post } = setup();
    const { url } = await httpReceiver((response) => {
      response.setHeader('date', 'Mon, 23 Nov 2026 02:00:00 GMT').end();
    });
    expect(await post(url, { at: 12_345 })).toMatchObject({ startedAt: 12_345 });
    expect(await post(url)).not.toHaveProperty('receiverTime');
    const request = { url, headers: {}, body: Buffer.from('{}'), timeoutMs: 10_000 };
    expect(await sender.send(request, { readsTime: true })).toMatchObject({
      receiverTime: Date.parse('2026-11-23T02:00:00Z'),
    });
  });
});
