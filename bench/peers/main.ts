// A peer that delivers: Fastify in front, a queue behind, the same dispatch for all. Settings as JSON in the argument.
import pino from 'pino';
import { newId } from '../../src/ids.ts';
import { answer } from '../answering.ts';
import { createDispatch } from './dispatch.ts';
import { createFront } from './front.ts';
import type { Fill, PeerCounts, PeerSettings } from './peer.ts';
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

const FILL_BATCH = 1_000;

/** As if so many had been accepted, but faster. */
async function fill({ count, body }: Fill): Promise<void> {
  const [agent] = settings.agents;
  if (agent === undefined) throw new Error('there is no agent to fill the queue for');
  const bytes = Buffer.from(body);
  for (let left = count; left > 0; left -= FILL_BATCH) {
    const jobs = Array.from({ length: Math.min(FILL_BATCH, left) }, () => ({
      id: newId(),
      agentId: agent.id,
      body: bytes,
    }));
    await queue.addMany(jobs);
    accepted += jobs.length;
  }
}

answer({
  fill,
  url: () => url,
  work: () => queue.work(createDispatch({ ...settings, log, onFailure: () => (failed += 1) })),
  counts: async (): Promise<PeerCounts> => ({
    accepted,
    completed: await queue.completed(),
    failed,
  }),
});
process.once('SIGTERM', () => process.exit(0));
