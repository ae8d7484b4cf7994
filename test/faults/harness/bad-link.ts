import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import type { Random } from './random.ts';

/**
 * What a link does to one attempt. `late`: the answer comes later. `reset`: at the request, or at the answer.
 * `swallow`: nothing gets through any more, in either direction, and nobody is told. `trickle`: the answer comes by one
 * byte a second. `cut`: the connection is closed somewhere in the answer.
 */
export type Fault = 'none' | 'late' | 'reset' | 'swallow' | 'trickle' | 'cut';

/** One attempt as it came over the link. */
export interface Crossing {
  readonly taskId: string;
  readonly attempt: number;
  readonly fault: Fault;
  /** The agent got it. */
  arrived: boolean;
  /** So much of the answer came back that its status was in it, and no later than that. */
  statusAfterMs: number | undefined;
}

export interface BadLink {
  readonly port: number;
  /** In the order in which they came. */
  readonly crossings: readonly Crossing[];
}

const LATE_MS = 150;
const TRICKLE_EVERY_MS = 1_000;

/** Stands between the service and an agent, until the test ends. Knows one request per connection at a time. */
export async function badLink(
  agentPort: number,
  random: Random,
  faultOf: () => Fault,
): Promise<BadLink> {
  const crossings: Crossing[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((service) => {
    const agent = connect(agentPort, '127.0.0.1');
    for (const socket of [service, agent]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        service.destroy();
        agent.destroy();
      });
    }
    let head = '';
    let crossing: Crossing | undefined;
    let startedAt = 0;
    /** How much of the answer still gets through. */
    let rest = Number.POSITIVE_INFINITY;

    service.on('data', (data: Buffer) => {
      const text = data.toString('latin1');
      if (text.startsWith('POST ')) {
        head = '';
        crossing = undefined;
      }
      head += text;
      if (crossing === undefined && head.includes('\r\n\r\n')) {
        crossing = {
          taskId: header(head, 'x-agentkit-task-id'),
          attempt: Number(header(head, 'x-agentkit-attempt')),
          fault: faultOf(),
          arrived: false,
          statusAfterMs: undefined,
        };
        crossings.push(crossing);
        startedAt = performance.now();
        const { fault } = crossing;
        rest = fault === 'cut' ? random.between(0, 200) : Number.POSITIVE_INFINITY;
        if (fault === 'reset' && random.chance(0.5)) {
          service.resetAndDestroy();
          return;
        }
      }
      if (crossing?.fault !== 'swallow') agent.write(data);
    });

    agent.on('data', (data: Buffer) => {
      if (crossing === undefined) return;
      crossing.arrived = true;
      void answer(crossing, data);
    });

    async function answer(crossing: Crossing, data: Buffer): Promise<void> {
      const { fault } = crossing;
      if (fault === 'reset') {
        service.resetAndDestroy();
        return;
      }
      if (fault === 'late') await new Promise((resolve) => setTimeout(resolve, LATE_MS));
      if (fault === 'trickle') {
        for (const byte of data) {
          if (service.destroyed) return;
          service.write(Buffer.of(byte));
          await new Promise((resolve) => setTimeout(resolve, TRICKLE_EVERY_MS));
        }
        return;
      }
      const part = data.subarray(0, rest);
      rest -= part.byteLength;
      service.write(part);
      if (part.includes('\r\n\r\n')) crossing.statusAfterMs = performance.now() - startedAt;
      if (rest <= 0) service.end();
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, crossings };
}

function header(head: string, name: string): string {
  return new RegExp(`\r\n${name}: ([^\r]*)`, 'i').exec(head)?.[1] ?? '';
}
