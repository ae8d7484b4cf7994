import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

export interface TcpProxy {
  readonly port: number;
  /** Connections through which the client has sent this text. */
  count(text: string): number;
  /** Cuts them off without a word: what is sent from now on, in either direction, goes nowhere. */
  freeze(text: string): void;
  /** The same for those that will say so, from that moment on. */
  freezeFromNowOn(text: string): void;
  /** Cuts off all connections, and those that are made until `heal`; what was cut off stays so. */
  cut(): void;
  heal(): void;
}

/** Of what a client says so much is remembered, to tell connections apart. */
const REMEMBERED = 65_536;

/** Stands between a client and a server, until the test ends. */
export async function tcpProxy(targetPort: number): Promise<TcpProxy> {
  const links = new Set<{ said: string; frozen: boolean }>();
  const sockets = new Set<Socket>();
  const condemned: string[] = [];
  let isCut = false;
  const server = createServer((client) => {
    const target = connect(targetPort, '127.0.0.1');
    const link = { said: '', frozen: isCut };
    links.add(link);
    for (const socket of [client, target]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        if (link.frozen) return;
        links.delete(link);
        client.destroy();
        target.destroy();
      });
    }
    client.on('data', (data) => {
      if (link.said.length < REMEMBERED) link.said += data.toString('latin1');
      if (condemned.some((text) => link.said.includes(text))) link.frozen = true;
      if (!link.frozen) target.write(data);
    });
    target.on('data', (data) => {
      if (!link.frozen) client.write(data);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const saying = (text: string) =>
    [...links].filter((link) => !link.frozen && link.said.includes(text));
  return {
    port: (server.address() as AddressInfo).port,
    count: (text) => saying(text).length,
    freeze: (text) => {
      for (const link of saying(text)) link.frozen = true;
    },
    freezeFromNowOn: (text) => {
      condemned.push(text);
      for (const link of saying(text)) link.frozen = true;
    },
    cut: () => {
      isCut = true;
      for (const link of links) link.frozen = true;
    },
    heal: () => {
      isCut = false;
    },
  };
}
