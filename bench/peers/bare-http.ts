// node:http alone, answering from memory: no validation, no log. The limit of this machine, not a product.
import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { answer } from '../answering.ts';
import { newId } from '../../src/ids.ts';
import type { PeerCounts } from './peer.ts';

let accepted = 0;

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    JSON.parse(Buffer.concat(chunks).toString());
    const agentId = request.url?.split('/')[3] ?? '';
    const taskId = newId();
    const body = JSON.stringify({
      status: 'success',
      message: 'Task accepted for dispatch.',
      data: { agentId, taskId, dispatch_status: 'scheduled' },
    });
    response.writeHead(202, {
      'content-type': 'application/json; charset=utf-8',
      'content-length': Buffer.byteLength(body),
      location: `/v1/tasks/${taskId}`,
    });
    response.end(body);
    accepted += 1;
  });
}).listen(0, '127.0.0.1');
await once(server, 'listening');

answer({
  url: () => `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`,
  counts: (): PeerCounts => ({ accepted, completed: 0, failed: 0 }),
});
