// The agent that everybody delivers to, a process of its own: counts, keeps ids and samples, answers 202.
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { answer } from '../answering.ts';
import { now } from '../clock.ts';
import { readMessages, type Message } from '../messages.ts';
import type { SinkCount, SinkEndpoint, SinkMode, SinkRecord, SinkSample } from './sink.ts';

const TAKEN = 'HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n';
const ID = /\r\nwebhook-id: *(\S+)/i;
const SENT_AT = /"sentAt":([\d.]+)/;
const SAMPLE_EVERY = 500;

let mode: SinkMode = {};
let ids: string[] = [];
let latencies: number[] = [];
let samples: SinkSample[] = [];
let firstAt = 0;
let lastAt = 0;

function reset(next: SinkMode): void {
  mode = next;
  ids = [];
  latencies = [];
  samples = [];
  firstAt = 0;
  lastAt = 0;
}

function take({ head, body }: Message): void {
  lastAt = now();
  if (ids.length === 0) firstAt = lastAt;
  if (ids.length % SAMPLE_EVERY === 0) {
    samples.push({ head, body: body.toString('base64'), at: Date.now() });
  }
  ids.push(ID.exec(head)?.[1] ?? '');
  if (mode.latency === true) {
    latencies.push(lastAt - Number(SENT_AT.exec(body.toString('latin1'))?.[1]));
  }
}

function serve(socket: Socket): void {
  socket.setNoDelay(true);
  socket.on('error', () => undefined);
  readMessages(socket, (arrival) => {
    take(arrival);
    const { delayMs } = mode;
    if (delayMs === undefined) socket.write(TAKEN);
    else setTimeout(() => socket.write(TAKEN), delayMs);
  });
}

/** Each address is another origin to a client: 1,000 agents are 1,000 hosts. */
async function listen(addresses: number): Promise<SinkEndpoint[]> {
  return Promise.all(
    Array.from({ length: addresses }, async (_, index) => {
      const address = `127.0.${String(1 + Math.floor(index / 250))}.${String(1 + (index % 250))}`;
      const server = createServer(serve).listen(0, address, 1_024);
      await once(server, 'listening');
      return { url: `http://${address}:${String((server.address() as AddressInfo).port)}/tasks` };
    }),
  );
}

answer({
  listen,
  reset,
  setMode: (next: SinkMode) => {
    mode = next;
  },
  count: (): SinkCount => ({ arrived: ids.length, firstAt, lastAt }),
  record: (): SinkRecord => ({
    arrived: ids.length,
    distinct: new Set(ids).size,
    firstAt,
    lastAt,
    samples,
    latencies,
  }),
});
