// A peer that delivers: Fastify in front, a queue behind, the same dispatch for all. Settings as JSON in the argument.
import pino from 'pino';
import { answer } from '../answering.ts';
import { createDispatch } from './dispatch.ts';
import { createFront } from './front.ts';
import type { PeerCounts, PeerSettings } from './peer.ts';
import { openQueue } from './queues/open.ts';
import { registration } from './registration.ts';

const settings = JSON.parse(process.argv[2] ?? '{}') as PeerSettings;
// As src/server.ts has it.
const log = pino({ level: 'info' }, pino.destination({ sync: false }));
const queue = await openQueue(settings);
let accepted = 0;
let failed = 0;

const add: typeof queue.add = async (job) => {
  await queue.add(job);
  accepted += 1;
};
const known = new Set(settings.agents.map(({ id }) => id));
const app = createFront(log, (agentId) => known.has(agentId), add);
await app.register(registration(add));
const url = await app.listen({ host: '127.0.0.1', port: 0 });

answer({
  url: () => url,
  work: () => queue.work(createDispatch({ ...settings, log, onFailure: () => (failed += 1) })),
  counts: async (): Promise<PeerCounts> => ({
    accepted,
    completed: await queue.completed(),
    failed,
  }),
});
process.once('SIGTERM', () => process.exit(0));
