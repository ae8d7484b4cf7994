import type { RequestListener, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it, vi } from 'vitest';
import { spawnService, type ServiceProcess } from './helpers/process.ts';
import { startReceiver } from './helpers/servers.ts';
import { anAgent } from './helpers/service.ts';
import { attempted, run, task, type AttemptView } from './helpers/tasks.ts';
import { tempDir } from './helpers/temp-dir.ts';

const DEADLINE_MS = 1_000;
/** The promises of the issue. */
const LATE_MS = 250;
const MORE_MEMORY = 10 * 1_048_576;

const GIGABYTE = 1_073_741_824;
const CHUNK = Buffer.alloc(65_536, 'x');

/** Writes for as long as somebody reads. */
function pour(response: ServerResponse, bytes: number): void {
  let left = bytes;
  const more = () => {
    while (left > 0 && !response.destroyed) {
      left -= CHUNK.length;
      if (!response.write(CHUNK)) {
        response.once('drain', more);
        return;
      }
    }
    if (left <= 0) response.end();
  };
  more();
}

/** Something every second or less, for as long as the connection lasts. */
function drip(response: ServerResponse, every: number, write: () => void): void {
  write();
  const timer = setInterval(write, every);
  response.on('close', () => clearInterval(timer));
}

/** 100 MB that are 100 KB on the wire. */
const BOMB = gzipSync(Buffer.alloc(100 * 1_048_576));

const HOSTILE: Readonly<Record<string, RequestListener>> = {
  'a gigabyte': (_request, response) => {
    response.writeHead(200, { 'content-length': String(GIGABYTE) });
    pour(response, GIGABYTE);
  },
  'a gigabyte in chunks, with an error': (_request, response) => {
    response.writeHead(500);
    pour(response, GIGABYTE);
  },
  'a byte a second': (_request, response) => {
    response.writeHead(200);
    drip(response, 1_000, () => response.write('.'));
  },
  'a header line now and again': (request) => {
    const { socket } = request;
    socket.write('HTTP/1.1 200 OK\r\n');
    const timer = setInterval(() => socket.write('x-more: x\r\n'), 100);
    socket.on('close', () => clearInterval(timer));
  },
  'headers without end': (request) => {
    const { socket } = request;
    socket.write('HTTP/1.1 200 OK\r\n');
    const line = `x-more: ${'x'.repeat(1_000)}\r\n`;
    const more = () => {
      while (!socket.destroyed && socket.write(line));
      if (!socket.destroyed) socket.once('drain', more);
    };
    more();
  },
  'a gzip bomb': (_request, response) => {
    response.writeHead(200, { 'content-encoding': 'gzip' }).end(BOMB);
  },
  'informational answers for ever': (request) => {
    const { socket } = request;
    const timer = setInterval(() => socket.write('HTTP/1.1 103 Early Hints\r\n\r\n'), 50);
    socket.on('close', () => clearInterval(timer));
  },
  nothing: () => undefined,
};

async function register(service: ServiceProcess, contactEndpoint: string): Promise<string> {
  const answer = await service.call('POST', '/v1/agents', { body: anAgent({ contactEndpoint }) });
  expect(answer.status, answer.text).toBe(201);
  return (answer.json.data as { agentId: string }).agentId;
}

describe('agents with hostile answers', () => {
  it('end by the deadline, cost no memory, and hold up nobody', { timeout: 60_000 }, async () => {
    const dir = tempDir();
    const service = spawnService(dir, {
      DATABASE_URL: `sqlite:${join(dir, 'agentkit.db')}`,
      DISPATCH_TIMEOUT: `${DEADLINE_MS}ms`,
      TASK_RETRY_SCHEDULE: '1h',
      LOG_LEVEL: 'info',
    });
    await service.ready();
    const honest = await startReceiver();
    const honestId = await register(service, honest.url);
    const hostile = new Map<string, string>();
    for (const [name, listener] of Object.entries(HOSTILE)) {
      const receiver = await startReceiver(() => listener);
      hostile.set(name, await register(service, receiver.url));
    }

    /** One task for each of them, and honest ones meanwhile. */
    async function round(): Promise<{
      attempts: Record<string, AttemptView>;
      honestMs: number[];
      peak: number;
    }> {
      let peak = 0;
      const sampling = setInterval(() => (peak = Math.max(peak, service.rss())), 20);
      const attempts: Record<string, AttemptView> = {};
      const pending = new Set(hostile.keys());
      const hostiles = [...hostile].map(async ([name, agentId]) => {
        const view = await task(service, await run(service, agentId), attempted);
        pending.delete(name);
        attempts[name] = view.attempts[0] as AttemptView;
      });
      const honestMs: number[] = [];
      // As long as one of them has us waiting, the honest agent's tasks go through one after the other.
      do {
        const before = honest.arrivals.length;
        const start = performance.now();
        await run(service, honestId);
        await vi.waitFor(() => expect(honest.arrivals.length).toBeGreaterThan(before), {
          timeout: DEADLINE_MS,
          interval: 2,
        });
        honestMs.push(performance.now() - start);
      } while (pending.size > 0);
      await Promise.all(hostiles);
      clearInterval(sampling);
      return { attempts, honestMs, peak };
    }

    // Warmed up: buffers, compiled code and the garbage collector's own idea of its heap.
    for (let i = 0; i < 3; i += 1) await round();
    const baseline = service.rss();
    const { attempts, honestMs, peak } = await round();
    const grown = (Math.max(peak, service.rss()) - baseline) / 1_048_576;
    const durations = Object.entries(attempts).map(([name, a]) => `${name} ${a.durationMs} ms`);
    // The figures of docs/security.md.
    process.stderr.write(
      `${durations.join(', ')}; RSS ${Math.round(baseline / 1_048_576)} MB ${grown.toFixed(1)} MB more; ` +
        `${honestMs.length} honest tasks, the slowest ${Math.round(Math.max(...honestMs))} ms\n`,
    );

    for (const [name, attempt] of Object.entries(attempts)) {
      expect([name, (attempt.durationMs ?? 0) <= DEADLINE_MS + LATE_MS]).toEqual([name, true]);
      expect(Buffer.byteLength(attempt.responseExcerpt ?? '')).toBeLessThanOrEqual(4_096);
    }
    expect(Object.keys(attempts).sort()).toEqual(Object.keys(HOSTILE).sort());
    const outcomes = Object.fromEntries(
      Object.entries(attempts).map(([name, { statusCode, errorClass }]) => [
        name,
        statusCode ?? errorClass,
      ]),
    );
    expect(outcomes).toEqual({
      'a gigabyte': 200,
      'a gigabyte in chunks, with an error': 500,
      'a byte a second': 200,
      'a header line now and again': 'timeout',
      'headers without end': 'network',
      'a gzip bomb': 200,
      'informational answers for ever': 'timeout',
      nothing: 'timeout',
    });
    expect(grown * 1_048_576).toBeLessThan(MORE_MEMORY);
    expect(honestMs.length).toBeGreaterThanOrEqual(10);
  });
});
