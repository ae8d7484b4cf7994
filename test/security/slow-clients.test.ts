import { connect } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { spawnService } from './helpers/process.ts';
import { anAgent } from './helpers/service.ts';
import { tempDir } from './helpers/temp-dir.ts';

const REQUEST_TIMEOUT_MS = 1_000;
/** The time for a request, and once more for a busy machine. */
const BOUND_MS = 2 * REQUEST_TIMEOUT_MS;
const CLIENTS = 200;

interface Ended {
  readonly kind: string;
  readonly afterMs: number;
  readonly answer: string;
}

const HEAD = 'POST /v1/agents HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n';

/** What is sent at once, and what is added every 100 ms. */
const SLOW: Readonly<Record<string, readonly [start: string, drip: string]>> = {
  headers: ['POST /v1/agents HTTP/1.1\r\nHost: x\r\n', 'X-More: x\r\n'],
  'request line': ['GET /', 'a'],
  body: [`${HEAD}Content-Length: 100000\r\n\r\n{"agentName":"`, 'x'],
  'chunked body': [`${HEAD}Transfer-Encoding: chunked\r\n\r\n`, '1\r\n \r\n'],
  nothing: ['', ''],
};

/** A connection that never comes to the end of its request. Resolves when the service has ended it. */
function slowClient(url: string, kind: string): Promise<Ended> {
  const [start, drip] = SLOW[kind] ?? ['', ''];
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    const began = performance.now();
    let answer = '';
    const socket = connect(Number(port), hostname, () => socket.write(start));
    const timer = setInterval(() => socket.write(drip), 100);
    socket.on('data', (chunk: Buffer) => (answer += chunk.toString()));
    // A reset is an end like any other.
    socket.on('error', () => undefined);
    socket.on('end', () => socket.destroy());
    socket.on('close', () => {
      clearInterval(timer);
      resolve({ kind, answer, afterMs: performance.now() - began });
    });
    onTestFinished(() => void socket.destroy());
  });
}

describe('200 slow connections', () => {
  it('are each ended within the bound, and stop no honest client', async () => {
    const dir = tempDir();
    const service = spawnService(dir, {
      DATABASE_URL: `sqlite:${join(dir, 'agentkit.db')}`,
      REQUEST_TIMEOUT: `${REQUEST_TIMEOUT_MS}ms`,
    });
    const url = await service.ready();
    const kinds = Object.keys(SLOW);
    let open = CLIENTS;
    const slow = Array.from({ length: CLIENTS }, (_, i) =>
      slowClient(url, kinds[i % kinds.length] ?? '').finally(() => (open -= 1)),
    );

    const honestMs: number[] = [];
    do {
      const start = performance.now();
      const answer = await service.call('POST', '/v1/agents', { body: anAgent() });
      expect(answer.status, answer.text).toBe(201);
      honestMs.push(performance.now() - start);
    } while (open > 0);

    const ended = await Promise.all(slow);
    const slowest = Math.max(...ended.map(({ afterMs }) => afterMs));
    // The figures of docs/security.md.
    process.stderr.write(
      `${honestMs.length} honest requests, the slowest ${Math.round(Math.max(...honestMs))} ms; ` +
        kinds
          .map((kind) => {
            const times = ended.filter((e) => e.kind === kind).map(({ afterMs }) => afterMs);
            return `${kind} ended after ${Math.round(Math.min(...times))}-${Math.round(Math.max(...times))} ms`;
          })
          .join(', ') +
        '\n',
    );
    for (const { kind, answer } of ended) {
      // A reset, or the answer that says why.
      if (answer !== '') expect([kind, answer.slice(0, 12)]).toEqual([kind, 'HTTP/1.1 408']);
    }
    const told = ended.filter(({ answer }) => answer.includes('"error_code":"request_timeout"'));
    expect(told.length).toBeGreaterThan(CLIENTS / 2);
    expect(slowest).toBeLessThanOrEqual(BOUND_MS);
    expect(honestMs.length).toBeGreaterThan(10);
    // Nothing of theirs was stored.
    const { json } = await service.call('GET', '/v1/agents?limit=1000');
    const names = (json.data as { agentName: string }[]).map(({ agentName }) => agentName);
    expect(names.filter((name) => !name.startsWith('agent-'))).toEqual([]);
  });
});
