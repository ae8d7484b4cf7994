import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Environment } from '../helpers/environment.ts';
import { errorCatalogue, type ErrorCode } from '../../src/errors.ts';
import { aService } from '../helpers/service.ts';
import { until } from '../helpers/until.ts';

/** The service on a real port, and sockets to it on which anything may be said. */
async function listening(env: Environment = {}) {
  const kit = await aService(env);
  await kit.service.listen();
  const { port } = new URL(kit.service.url());

  async function dial(): Promise<{
    socket: Socket;
    answer: Promise<string>;
    heard: () => string;
  }> {
    const socket = connect(Number(port), '127.0.0.1');
    onTestFinished(() => {
      socket.destroy();
    });
    let text = '';
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    const answer = new Promise<string>((resolve) => {
      socket.on('error', () => undefined).on('close', () => resolve(text));
    });
    await once(socket, 'connect');
    return { socket, answer, heard: () => text };
  }
  return { ...kit, dial };
}

function expectAnswer(text: string, code: ErrorCode): void {
  const { status, message } = errorCatalogue[code];
  const [head = '', body = ''] = text.split('\r\n\r\n');
  expect(head).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
  expect(head.toLowerCase()).toContain('content-type: application/json');
  expect(head.toLowerCase()).toContain('connection: close');
  expect(Number(/content-length: (\d+)/i.exec(head)?.[1])).toBe(Buffer.byteLength(body));
  expect(JSON.parse(body)).toEqual({
    status: 'error',
    message,
    detail: message,
    error_code: code,
  });
}

describe('what is no HTTP request gets the envelope, and the connection ends', () => {
  it.each([
    ['garbage', 'certainly not HTTP\r\n\r\n'],
    ['the start of TLS', Buffer.from('16030100a5010000a10303', 'hex')],
    ['a bad header', 'GET / HTTP/1.1\r\nHost: x\r\nBad Header: y\r\n\r\n'],
    ['a bad length', 'POST /v1/agents HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n'],
    [
      'two lengths (request smuggling)',
      'POST /v1/agents HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n',
    ],
  ])('%s: 400', async (_what, bytes) => {
    const { dial } = await listening();
    const { socket, answer } = await dial();
    socket.write(bytes);
    expectAnswer(await answer, 'bad_request');
  });

  it('but for a request without Host: Node refuses that one itself', async () => {
    const { dial } = await listening();
    const { socket, answer } = await dial();
    socket.write('GET / HTTP/1.1\r\n\r\n');
    expect(await answer).toMatch(/^HTTP\/1\.1 400 /);
  });

  it('headers of 20 KiB: 431', async () => {
    const { dial } = await listening();
    const { socket, answer } = await dial();
    socket.write(`GET / HTTP/1.1\r\nHost: x\r\nX-Long: ${'x'.repeat(20_000)}\r\n\r\n`);
    expectAnswer(await answer, 'headers_too_large');
  });

  it('the service goes on after all of it', async () => {
    const { dial, call } = await listening();
    const { socket, answer } = await dial();
    socket.write('\0\0\0\0\r\n\r\n');
    await answer;
    expect((await call('GET', '/health')).status).toBe(200);
  });
});

describe('who sends slowly', () => {
  it.each([
    ['10 s', {}, 10_000],
    ['30 s', { REQUEST_TIMEOUT: '30s' }, 30_000],
  ])('has %s for the whole request, and half of it for its headers: %j', async (_s, env, whole) => {
    const { service } = await aService(env);
    expect(service.app.server.headersTimeout).toBe(whole / 2);
    expect(service.app.server.requestTimeout).toBe(whole);
  });

  it('gets 408 when the headers do not come to an end', async () => {
    const { dial } = await listening({ REQUEST_TIMEOUT: '100ms' });
    const { socket, answer } = await dial();
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n');
    expectAnswer(await answer, 'request_timeout');
  });

  it('gets 408 when the body does not come to an end', async () => {
    const { dial } = await listening({ REQUEST_TIMEOUT: '100ms' });
    const { socket, answer } = await dial();
    socket.write(
      'POST /v1/agents HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{',
    );
    expectAnswer(await answer, 'request_timeout');
  });
});

it('a body over the limit that comes in chunks is refused: 413', async () => {
  const { dial } = await listening();
  const { socket, answer } = await dial();
  socket.write(
    'POST /v1/agents HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n' +
      'Transfer-Encoding: chunked\r\n\r\n',
  );
  const chunk = `10000\r\n${' '.repeat(65_536)}\r\n`;
  for (let i = 0; i < 20; i += 1) socket.write(chunk);
  socket.write('0\r\n\r\n');
  const text = await answer;
  expect(text).toMatch(/^HTTP\/1\.1 413 /);
  expect(text).toContain('"error_code":"body_too_large"');
});

describe('while the service shuts down', () => {
  it.each(['/v1/agents', '/health', '/livez', '/readyz', '/', '/nowhere'])(
    'a request to %s on a connection that is still open is told so: 503',
    async (path) => {
      const { dial, close } = await listening();
      const { socket, answer, heard } = await dial();
      // The first is answered, the second is under way: such a connection is not idle, and stays.
      socket.write(`GET /livez HTTP/1.1\r\nHost: x\r\n\r\nGET ${path} HTTP/1.1\r\nHost: x\r\n`);
      await until(() => heard().endsWith('{"status":"ok"}'));
      const before = heard().length;
      const closed = close();
      socket.write('\r\n');
      const text = (await answer).slice(before);
      expect(text).toMatch(/^HTTP\/1\.1 503 /);
      expect(text.toLowerCase()).toContain('retry-after: 5');
      const { message } = errorCatalogue.draining;
      expect(JSON.parse(text.split('\r\n\r\n')[1] ?? '')).toEqual({
        status: 'error',
        message,
        detail: message,
        error_code: 'draining',
      });
      await closed;
    },
  );
});
