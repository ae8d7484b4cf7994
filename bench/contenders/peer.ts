import { join } from 'node:path';
import { newSigningSecret } from '../../src/webhook/sign.ts';
import { startNode, type Child } from '../children.ts';
import { now } from '../clock.ts';
import type { Fill, PeerCounts, PeerSettings, QueueName } from '../peers/peer.ts';
import type { Contender, Place, Running } from './contender.ts';

/** Answers 202 from memory and forgets. */
export function bareContender(name: string, title: string, program: string): Contender {
  const start = async ({ dir, agents }: Place): Promise<Running> => {
    const startedAt = now();
    const child = startNode(program, [], { cwd: dir, log: join(dir, 'peer.log'), ipc: true });
    const url = await child.ask<string>('url');
    return {
      url,
      runPaths: agents.map((_, index) => `/v1/agents/agent-${String(index)}/run`),
      secrets: [],
      pids: [child.pid],
      serverPids: [],
      readyAfterMs: now() - startedAt,
      counts: () => child.ask<PeerCounts>('counts'),
      release: async () => undefined,
      stop: () => child.end(),
    };
  };
  return { name, title, durability: 'nowhere: nothing is kept', delivers: false, start };
}

export interface QueueContender {
  readonly name: string;
  readonly title: string;
  readonly durability: string;
  readonly queue: QueueName;
  readonly concurrency: number;
  /** HTTP in front and worker in processes of their own. */
  readonly apart: boolean;
  readonly missing?: () => string | undefined;
  /** A new, empty place for the queue. */
  open(place: Place): Promise<{
    readonly url: string;
    readonly serverPids: readonly number[];
    remove(): Promise<void>;
  }>;
}

/** Fastify, a queue, and a worker that dispatches signed. */
export function queueContender(on: QueueContender): Contender {
  async function start(place: Place): Promise<Running> {
    const { dir, agents, agentsAre, webhookUrl } = place;
    const at = await on.open(place);
    const secret = newSigningSecret();
    const known = agents.map(({ url }, index) => ({ id: `agent-${String(index)}`, url }));
    const settings: PeerSettings = {
      queue: on.queue,
      url: at.url,
      agents: known,
      secret,
      concurrency: on.concurrency,
      webhookUrl,
    };
    const startedAt = now();
    const begin = (name: string): Child =>
      startNode('peers/main.ts', [JSON.stringify(settings)], {
        cwd: dir,
        log: join(dir, `${name}.log`),
        ipc: true,
      });
    const front = begin('front');
    const url = await front.ask<string>('url');
    const worker = on.apart ? begin('worker') : front;
    if (agentsAre === 'there') await worker.ask('work');
    const readyAfterMs = now() - startedAt;
    return {
      url,
      runPaths: known.map(({ id }) => `/v1/agents/${id}/run`),
      secrets: [secret],
      pids: [...new Set([front.pid, worker.pid])],
      serverPids: at.serverPids,
      readyAfterMs,
      counts: async () => {
        const { accepted } = await front.ask<PeerCounts>('counts');
        const { completed, failed } = await worker.ask<PeerCounts>('counts');
        if (failed > 0) throw new Error(`${on.name}: ${String(failed)} attempts failed`);
        return { accepted, completed };
      },
      fill: (count, body) => front.ask('fill', { count, body } satisfies Fill),
      release: () => worker.ask('work'),
      stop: async () => {
        await Promise.all([front.end(), worker.end()]);
        await at.remove();
      },
    };
  }
  const { name, title, durability, missing = () => undefined } = on;
  return { name, title, durability, delivers: true, missing, start };
}
