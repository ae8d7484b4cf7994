// Fastify with the service's schemas and log, answering from memory. Also the baseline of the CI's benchmark.
import pino from 'pino';
import { answer } from '../answering.ts';
import { createFront } from './front.ts';
import type { PeerCounts } from './peer.ts';

let accepted = 0;
// As src/server.ts has it.
const log = pino({ level: 'info' }, pino.destination({ sync: false }));
const app = createFront(log, () => true, undefined);
app.addHook('onResponse', (_request, reply, done) => {
  if (reply.statusCode === 202) accepted += 1;
  done();
});
const url = await app.listen({ host: '127.0.0.1', port: 0 });

answer({
  url: () => url,
  counts: (): PeerCounts => ({ accepted, completed: 0, failed: 0 }),
});
