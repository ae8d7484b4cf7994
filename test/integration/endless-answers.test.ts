import { expect, it } from 'vitest';
import {
  drip,
  dripHeaders,
  endless,
  inTurn,
  startAgentServer,
  status,
  type Behaviour,
} from '../helpers/agent-server.ts';
import { startWorld, type TaskView } from './world.ts';

/** A status and half of an answer, then the connection breaks. */
const breakOff: Behaviour = (response) => {
  response.writeHead(200, { 'content-length': '1000' });
  response.write('half', () => response.socket?.destroy());
};

/** Cut after 4 KiB, both end within a character; the second is none at all and grows when it is made text. */
const long = status(200, { body: `a${'é'.repeat(100_000)}` });
const binary = status(200, { body: Buffer.alloc(100_000, 0xff) });

const CASES: Record<string, { behaviour: Behaviour; attempts: string[] }> = {
  'an endless 200': { behaviour: endless(200), attempts: ['200 null'] },
  'a dripping 200': { behaviour: drip(200), attempts: ['200 null'] },
  'a 200 that breaks off': { behaviour: breakOff, attempts: ['200 null'] },
  'a long 200': { behaviour: long, attempts: ['200 null'] },
  'a binary 200': { behaviour: binary, attempts: ['200 null'] },
  'an endless 503': { behaviour: endless(503), attempts: ['503 http_status', '204 null'] },
  'a dripping 503': { behaviour: drip(503), attempts: ['503 http_status', '204 null'] },
  'a dripping 404': { behaviour: drip(404), attempts: ['404 http_status'] },
  'headers that never end': { behaviour: dripHeaders, attempts: ['null timeout', '204 null'] },
};

it('answers that drip or never end are cut off, their status counts, and at most 4 KiB are kept', async () => {
  const world = await startWorld({ DISPATCH_TIMEOUT: '400ms', TASK_RETRY_SCHEDULE: '50ms' });
  await Promise.all(
    Object.entries(CASES).map(async ([name, { behaviour, attempts }]) => {
      const agent = await startAgentServer(inTurn(behaviour, status(204)));
      const { agentId } = await world.register(agent);
      const end = attempts.at(-1)?.startsWith('2') === true ? 'delivered' : 'dead';
      const view = await world.taskIn(end, await world.run(agentId));
      expect(view.attempts.map(inShort), name).toEqual(attempts);
      for (const { responseExcerpt } of view.attempts) {
        expect(Buffer.byteLength(responseExcerpt ?? ''), name).toBeLessThanOrEqual(4_096);
      }
      if (/drip|headers/.test(name)) {
        expect(view.attempts[0]?.durationMs, name).toBeGreaterThanOrEqual(399);
      }
      if (behaviour !== long && behaviour !== binary)
        expect(agent.dispatches[0]?.cutOff, name).toBe(true);
    }),
  );
});

it('an endless answer ends when it is too long, and not only at the deadline', async () => {
  const world = await startWorld({ DISPATCH_TIMEOUT: '5m' });
  const agent = await startAgentServer(endless(200));
  const { agentId } = await world.register(agent);
  await world.taskIn('delivered', await world.run(agentId));
  expect(agent.dispatches[0]?.cutOff).toBe(true);
});

function inShort({ statusCode, errorClass }: TaskView['attempts'][number]): string {
  return `${String(statusCode)} ${String(errorClass)}`;
}
