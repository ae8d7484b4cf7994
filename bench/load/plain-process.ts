// A closed loop over plain sockets: each connection sends its next request when its answer is there.
import { once } from 'node:events';
import { connect } from 'node:net';
import { answer } from '../answering.ts';
import { now } from '../clock.ts';
import { readMessages } from '../messages.ts';
import { quantile } from '../report/statistics.ts';
import type { Load, LoadResult } from './load.ts';

async function run({ url, paths, body, connections, seconds }: Load): Promise<LoadResult> {
  const { hostname, port, host } = new URL(url);
  const requests = paths.map((path) =>
    Buffer.from(
      `POST ${path} HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\n` +
        `Content-Length: ${String(Buffer.byteLength(body))}\r\n\r\n${body}`,
    ),
  );
  const times: number[] = [];
  let failed = 0;
  let sent = 0;
  const startedAt = now();
  const endsAt = startedAt + seconds * 1_000;

  async function loop(): Promise<void> {
    const socket = connect(Number(port), hostname).setNoDelay(true);
    let sentAt = 0;
    const next = (): void => {
      sentAt = now();
      socket.write(requests[sent % requests.length] ?? '');
      sent += 1;
    };
    socket.once('connect', next);
    readMessages(socket, ({ head }) => {
      const at = now();
      if (head.startsWith('HTTP/1.1 2')) times.push(at - sentAt);
      else failed += 1;
      // Its last answer: nothing is cut off.
      if (at < endsAt) next();
      else socket.end();
    });
    await once(socket, 'close').catch(() => {
      failed += 1;
    });
  }

  await Promise.all(Array.from({ length: connections }, loop));
  return {
    requests: times.length,
    seconds: (now() - startedAt) / 1_000,
    failed,
    p50: quantile(times, 0.5),
    p99: quantile(times, 0.99),
  };
}

answer({ run });
