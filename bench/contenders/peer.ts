import { join } from 'node:path';
import { newSigningSecret } from '../../src/webhook/sign.ts';
import { startNode } from '../children.ts';
import type { PeerCounts, PeerSettings, QueueName } from '../peers/peer.ts';
import type { Contender, Place, Running } from './contender.ts';

/** Answers 202 from memory and forgets. */
export function bareContender(name: string, title: string, program: string): Contender {
  const start = async ({ dir, agents }: Place): Promise<Running> => {
    const log = join(dir, 'peer.log');
    const child = startNode(program, [], { cwd: dir, log, ipc: true });
    return {
      url: await child.ask<string>('url'),
      runPaths: agents.map((_, index) => `/v1/agents/agent-${String(index)}/run`),
      secrets: [],
      pids: [child.pid],
      serverPids: [],
      counts: () => child.ask<PeerCounts>('counts'),
      stop: () => child.end(),
    };
  };
  return { name, title, durability: 'none: nothing is kept', delivers: false, start };
}

export interface QueueContender {
  readonly name: string;
  readonly title: string;
  readonly durability: string;
  readonly queue: QueueName;
  /** A new, empty place for the queue. */
  open(place: Place): Promise<{
    readonly url: string;
    readonly serverPids: readonly number[];
    remove(): Promise<void>;
  }>;
  readonly concurrency: number;
  /** Front and worker in processes of their own. */
  readonly apart: boolean;
}

/** Fastify, a queue, and a worker that dispatches signed. */
export function queueContender(on: QueueContender): Contender {
  async function start({ dir, agents, agentsAre }: Place): Promise<Running> {
    const place = await on.open({ dir, agents, agentsAre });
    const secret = newSigningSecret();
    const known = agents.map(({ url }, index) => ({ id: `agent-${String(index)}`, url }));
    const begin = (role: PeerSettings['role']) => {
      const settings: PeerSettings = {
        queue: on.queue,
        url: place.url,
        agents: known,
        secret,
        role,
        concurrency: on.concurrency,
      };
      const log = join(dir, `${role}.log`);
      return startNode('peers/main.ts', [JSON.stringify(settings)], { cwd: dir, log, ipc: true });
    };
    const works = agentsAre === 'there';
    const front = begin(works && !on.apart ? 'both' : 'front');
    const url = await front.ask<string>('url');
    const worker = works && on.apart ? begin('worker') : undefined;
    await worker?.ask('url');
    const children = worker === undefined ? [front] : [front, worker];
    return {
      url,
      runPaths: known.map(({ id }) => `/v1/agents/${id}/run`),
      secrets: known.map(() => secret),
      pids: children.map(({ pid }) => pid),
      serverPids: place.serverPids,
      counts: async () => {
        const counts = await Promise.all(children.map((child) => child.ask<PeerCounts>('counts')));
        const failed = counts.reduce((sum, count) => sum + count.failed, 0);
        if (failed > 0) throw new Error(`${on.name}: ${String(failed)} attempts failed`);
        return {
          accepted: counts[0]?.accepted ?? 0,
          completed: counts.at(-1)?.completed ?? 0,
        };
      },
      stop: async () => {
        await Promise.all(children.map((child) => child.end()));
        await place.remove();
      },
    };
  }
  const { name, title, durability } = on;
  return { name, title, durability, delivers: true, start };
}
